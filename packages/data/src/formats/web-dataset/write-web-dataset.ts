import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { check, type ImageSource, type OptionsOf, option, readOptions, upperBound } from '@protomem/core';
import { intoNew } from '@protomem/core/node';
import { permutation } from '../../samplers/permutation.ts';
import { eachImage, writeOptions } from '../each-image.ts';
import { withEnding } from '../file-names.ts';
import { OutFile } from '../out-file.ts';
import { BLOCK, blocks } from './tar.ts';

const webDatasetOptions = {
  ...writeOptions,
  /** A shard has one sample at least. */
  shardBytes: option.integer({ help: 'A shard ends before it would become larger.', min: 1, default: 1e9 }),
  /** For trainers that read the shards one after the other. */
  shuffle: option.integer({
    help: 'Seed of an order in which samples are shuffled over all shards.',
    min: 0,
    absent: 'the order of the source',
  }),
};

/** Sizes have 11 octal digits in a header. */
const MAX_SIZE = 8 ** 11 - 1;
/** Seconds: 2000-01-01, so that the same images make the same bytes, and tar does not warn of 1970. */
const TIME = 946684800;

/**
 * Writes a source as WebDataset: `dir/shard-000000.tar` and so on, in which each sample is an image, unchanged, and a
 * `.json` with `label` (number of the identity), `identity` and `name` (of the image). Samples are called
 * `<identity>/<image>` by their numbers, so an unpacked shard is a folder of identities.
 *
 * @param dir is made; nothing may be there.
 * @throws {ProtomemError} when `dir` exists or an image cannot be read; nothing is left then.
 *
 * @example
 * ```ts
 * await writeWebDataset(await folderSource('faces'), 'shards', { shardBytes: 256e6 });
 * ```
 */
export async function writeWebDataset(
  source: ImageSource,
  dir: string,
  options: OptionsOf<typeof webDatasetOptions> = {},
): Promise<void> {
  const where = 'writeWebDataset';
  const { shardBytes, shuffle, ...progress } = readOptions(where, webDatasetOptions, options);
  const imageEnds = new Float64Array(source.identities);
  let most = 0;
  for (let identity = 0; identity < imageEnds.length; identity++) {
    const own = source.imagesOf(identity);
    imageEnds[identity] = (imageEnds[identity - 1] ?? 0) + own;
    most = Math.max(most, own);
  }
  const images = imageEnds.at(-1) ?? 0;
  const order = shuffle === undefined ? undefined : permutation(images, shuffle);
  const placeOf = (position: number): { identity: number; image: number } => {
    const at = order ? order(position) : position;
    const identity = upperBound(imageEnds, at);
    return { identity, image: at - (imageEnds[identity - 1] ?? 0) };
  };
  const line: ImageSource = {
    name: source.name,
    identities: 1,
    imagesOf: () => images,
    identityName: () => source.name,
    load: (_, position) => {
      const { identity, image } = placeOf(position);
      return source.load(identity, image);
    },
  };
  const digits = [source.identities, most].map((count) => String(count - 1).length);
  await intoNew(where, dir, async (temporary) => {
    await mkdir(temporary);
    let shard: OutFile | undefined;
    let shards = 0;
    try {
      for await (const { image: position, name, bytes } of eachImage(line, progress)) {
        const { identity, image } = placeOf(position);
        const key = [identity, image].map((number, i) => String(number).padStart(digits[i]!, '0')).join('/');
        const label = JSON.stringify({ label: identity, identity: source.identityName(identity), name });
        const sample = Buffer.concat([
          ...member(withEnding(key, bytes), bytes),
          ...member(`${key}.json`, Buffer.from(label)),
        ]);
        if (shard && shard.length + sample.length + 2 * BLOCK > shardBytes) {
          await end(shard);
          shard = undefined;
        }
        shard ??= await OutFile.create(join(temporary, `shard-${String(shards++).padStart(6, '0')}.tar`));
        await shard.write(sample);
      }
      if (shard) await end(shard);
      shard = undefined;
    } finally {
      await shard?.close();
    }
  });
}

/** Header, content and padding of a file in a tar archive. */
function member(name: string, content: Uint8Array): Uint8Array[] {
  check(content.length <= MAX_SIZE, () => ({
    where: 'writeWebDataset',
    what: name,
    got: `${content.length} bytes`,
    expected: `at most ${MAX_SIZE}`,
  }));
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number): void => {
    header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  };
  header.write(name, 0, 'latin1');
  octal(0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(content.length, 124, 12);
  octal(TIME, 136, 12);
  header.write('        0', 148, 'latin1');
  header.write('ustar\u000000', 257, 'latin1');
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    7,
  );
  return [header, content, Buffer.alloc(blocks(content.length) - content.length)];
}

async function end(shard: OutFile): Promise<void> {
  await shard.write(Buffer.alloc(2 * BLOCK));
  await shard.finish();
  await shard.close();
}
