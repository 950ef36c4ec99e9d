import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { check, escapeName, printable } from '@protomem/core';
import { temporaryPath } from '@protomem/core/node';
import { countImages, npyHeader, openImages } from '@protomem/data';
import { embedImages, type ModelOptions, modelOptions, openModel } from '@protomem/protocols';
import { command, declaredFlags, toNumber, withBar } from '../command-line.ts';
import { type DataSetArguments, dataSetOptions, openSaid } from '../data-sets.ts';
import { stopOnInterrupt } from '../interrupt.ts';

/** `protomem embed`. */
export function make() {
  const made = dataSetOptions(
    command('embed', 'Embeds every image of a data set, in its order.')
      .argument('<model>', 'a run, an encoder.safetensors, a .onnx file, or a TensorFlow.js model.json')
      .argument('<images>', 'data set of any format, a folder of images, or one image'),
  )
    .requiredOption('--out <file>', '.npy (with names in a .txt beside it) or .jsonl; must be new')
    .option('--flip', 'add the embedding of the mirror image, as evaluation does', false)
    .option('--raw', 'leave embeddings as long as they are, for IJB, where length counts', false)
    .option('--batch <n>', 'images at a time', toNumber, 64)
    .action((model, images, { out, flip, raw, batch, from, root, columns, identity, ...foreign }) =>
      embed(model, images, { out, flip, raw, batch, from, root, columns, identity, foreign }),
    );
  for (const flag of declaredFlags('embed', modelOptions)) made.addOption(flag);
  return made;
}

export interface EmbedOptions extends DataSetArguments {
  /** `.npy` (with the images' names in a `.txt` beside it) or `.jsonl`. */
  readonly out: string;
  /** Add the embedding of the mirror image, as evaluation does. */
  readonly flip: boolean;
  /** Leave embeddings as long as they are, for IJB's templates, where length counts. Default: unit vectors. */
  readonly raw?: boolean;
  /** Images at a time. */
  readonly batch: number;
  /** How a foreign model wants its images. */
  readonly foreign?: ModelOptions;
}

/**
 * Embeds every image of a data set, in the order of the data set.
 *
 * @param model whatever `openModel` opens.
 * @param images whatever `openImages` opens.
 */
export async function embed(model: string, images: string, options: EmbedOptions): Promise<void> {
  const { out, flip, raw = false, batch, foreign, ...opening } = options;
  const format = /\.(npy|jsonl)$/.exec(out)?.[1] as keyof typeof writers | undefined;
  check(format !== undefined, () => ({
    where: 'embed',
    what: '--out',
    got: out,
    expected: 'a file that ends in .npy or .jsonl',
  }));
  check(Number.isInteger(batch) && batch >= 1, () => ({
    where: 'embed',
    what: '--batch',
    got: batch,
    expected: 'an integer >= 1',
  }));
  for (const path of format === 'npy' ? [out, namesBeside(out)] : [out]) {
    check(!(await stat(path).catch(() => undefined)), () => ({
      where: 'embed',
      what: path,
      got: 'there already',
      expected: 'a new file: nothing is overwritten',
    }));
  }
  const source = await openSaid(images, opening, openImages);
  const encoder = await openModel(model, foreign);
  console.log(`model: ${encoder.kind}`);
  for (const note of encoder.notes) console.log(note);
  const { embeddingSize } = encoder;
  const signal = stopOnInterrupt();
  const total = countImages(source).images;
  const writer = await writers[format](out, total, embeddingSize);
  try {
    await withBar('images', async (onProgress) => {
      let done = 0;
      for await (const { names, labels, values } of embedImages(encoder, source, { flip, raw, batch })) {
        signal.throwIfAborted();
        const identities = Array.from(labels, (label) => source.identityName(label));
        await writer.write(names, identities, values);
        done += names.length;
        onProgress({ done, total });
      }
    });
    await writer.finish();
  } catch (error) {
    await writer.discard();
    throw error;
  } finally {
    await encoder.dispose();
  }
  for (const warning of encoder.warnings()) console.log(warning);
  console.log(`${total} embeddings of width ${embeddingSize}: ${out}`);
}

interface EmbeddingWriter {
  write(names: readonly string[], identities: readonly string[], values: Float32Array): Promise<void>;
  /** Puts the file, whole, in its place. */
  finish(): Promise<void>;
  discard(): Promise<void>;
}

/** Where the names of the images stand, a line for each row of an `.npy`. */
const namesBeside = (out: string): string => out.replace(/\.npy$/, '.txt');

const writers = {
  /** NumPy's format: float32 rows. */
  async npy(out: string, rows: number, width: number): Promise<EmbeddingWriter> {
    const values = await temporaryFile(out);
    const names = await temporaryFile(namesBeside(out));
    await values.append(npyHeader([rows, width]));
    return {
      async write(images, _, batch) {
        await values.append(Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength));
        await names.append(Buffer.from(images.map((name) => `${escapeName(name)}\n`).join('')));
      },
      async finish() {
        await names.finish();
        await values.finish();
      },
      async discard() {
        await Promise.all([names.discard(), values.discard()]);
      },
    };
  },
  /** One JSON object a line: image, identity, embedding. */
  async jsonl(out: string, _: number, width: number): Promise<EmbeddingWriter> {
    const file = await temporaryFile(out);
    return {
      async write(names, identities, values) {
        const lines = names.map((image, i) => {
          const embedding = Array.from(values.subarray(i * width, (i + 1) * width));
          return `${printable(JSON.stringify({ image, identity: identities[i], embedding }))}\n`;
        });
        await file.append(Buffer.from(lines.join('')));
      },
      finish: () => file.finish(),
      discard: () => file.discard(),
    };
  },
};

/** A file that appears when it is finished, not before. */
async function temporaryFile(path: string) {
  const temporary = temporaryPath(path);
  const handle: FileHandle = await open(temporary, 'wx');
  return {
    append: async (bytes: Uint8Array): Promise<void> => void (await handle.appendFile(bytes)),
    async finish(): Promise<void> {
      await handle.sync();
      await handle.close();
      await rename(temporary, path);
    },
    async discard(): Promise<void> {
      await handle.close().catch(() => undefined);
      await rm(temporary, { force: true });
    },
  };
}
