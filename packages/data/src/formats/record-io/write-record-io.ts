import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { check, type ImageSource, type OptionsOf, option, readOptions } from '@protomem/core';
import { intoNew } from '@protomem/core/node';
import sharp from 'sharp';
import { countImages } from '../../sources/image-counts.ts';
import { eachImage, writeOptions } from '../each-image.ts';
import { OutFile } from '../out-file.ts';
import { INEXACT } from './index-records.ts';
import { namesLine } from './names-file.ts';
import { MAGIC, MAX_PART, padded, partKinds, word } from './record.ts';

/** Key of the first image. */
const layouts = { insightface: 1, plain: 0 } as const;

const recordIoOptions = {
  ...writeOptions,
  /**
   * `insightface`: record 0 and a record for each identity tell where its images are, as InsightFace's training expects;
   * `plain`: images alone, with keys from 0, as im2rec and CVLface.
   */
  layout: option.choice(layouts, { help: 'What there is besides images.', default: 'insightface' }),
};

/**
 * Writes a source as RecordIO: `dir/train.rec`, `train.idx`, `property` (identities, height and width of the first image) and
 * `train.tsv` with the names of identities and images. Bytes of images are not changed.
 *
 * @param dir is made; nothing may be there.
 * @throws {ProtomemError} when `dir` exists, an image cannot be read, or there are more records than float32 can count
 * (2^24; with layout `plain` more identities than that). Nothing is left then.
 *
 * @example
 * ```ts
 * await writeRecordIo(await folderSource('faces'), 'faces-rec');
 * ```
 */
export async function writeRecordIo(
  source: ImageSource,
  dir: string,
  options: OptionsOf<typeof recordIoOptions> = {},
): Promise<void> {
  const where = 'writeRecordIo';
  const { layout, ...progress } = readOptions(where, recordIoOptions, options);
  const firstKey = layouts[layout];
  const { identities } = source;
  const { images } = countImages(source);
  const numbers = layout === 'plain' ? identities : images + identities + 1;
  check(numbers < INEXACT, () => ({
    where,
    what: source.name,
    got: `${images} images of ${identities} identities`,
    expected: `fewer than ${INEXACT} ${layout === 'plain' ? 'identities' : 'images and identities together'}, as float32 counts exactly`,
    fix: layout === 'plain' ? 'Write WebDataset.' : 'Write layout "plain", or WebDataset.',
  }));
  await intoNew(where, dir, async (temporary) => {
    await mkdir(temporary);
    const files = ['train.rec', 'train.idx', 'train.tsv', 'property'].map((name) =>
      OutFile.create(join(temporary, name)),
    );
    const [rec, idx, tsv, property] = (await Promise.all(files)) as [OutFile, OutFile, OutFile, OutFile];
    const all = [rec, idx, tsv, property];
    try {
      const put = async (key: number, labels: number | readonly number[], bytes?: Uint8Array): Promise<void> => {
        await idx.write(Buffer.from(`${key}\t${rec.length}\n`));
        await rec.write(recordOf(key, labels, bytes ?? new Uint8Array(0)));
      };
      if (firstKey > 0) await put(0, [images + 1, images + 1 + identities]);
      let key = firstKey;
      let size = [0, 0];
      for await (const { identity, name, bytes } of eachImage(source, progress)) {
        if (key === firstKey) size = await sizeOf(bytes);
        await tsv.write(Buffer.from(namesLine(key, source.identityName(identity), name, identity)));
        await put(key++, identity, bytes);
      }
      for (let identity = 0, first = 1; firstKey > 0 && identity < identities; identity++) {
        const end = first + source.imagesOf(identity);
        await put(key++, [first, end]);
        first = end;
      }
      await property.write(Buffer.from(`${identities},${size.join(',')}\n`));
      for (const file of all) await file.finish();
    } finally {
      for (const file of all) await file.close();
    }
  });
}

/** A record with its header and padding. */
export function recordOf(key: number, labels: number | readonly number[], image: Uint8Array): Uint8Array {
  const array = typeof labels === 'number' ? [] : labels;
  const payload = Buffer.alloc(24 + 4 * array.length + image.length);
  payload.writeUInt32LE(array.length, 0);
  payload.writeFloatLE(typeof labels === 'number' ? labels : 0, 4);
  payload.writeBigUInt64LE(BigInt(key), 8);
  for (const [i, label] of array.entries()) payload.writeFloatLE(label, 24 + 4 * i);
  payload.set(image, 24 + 4 * array.length);
  return frame(payload);
}

/** A payload as the parts of a record. */
function frame(payload: Uint8Array): Uint8Array {
  check(payload.length <= MAX_PART, () => ({
    where: 'writeRecordIo',
    what: 'an image',
    got: `${payload.length} bytes`,
    expected: `at most ${MAX_PART}`,
  }));
  const cuts: number[] = [];
  for (let at = 0; at + 4 <= payload.length; at += 4) if (word(payload, at) === MAGIC) cuts.push(at);
  const starts = [0, ...cuts.map((cut) => cut + 4)];
  const parts = starts.map((start, i) => payload.subarray(start, cuts[i] ?? payload.length));
  const out = Buffer.alloc(parts.reduce((sum, part) => sum + 8 + padded(part.length), 0));
  let at = 0;
  for (const [i, part] of parts.entries()) {
    const last = i === parts.length - 1;
    const kind =
      parts.length === 1 ? partKinds.whole : i === 0 ? partKinds.first : last ? partKinds.last : partKinds.middle;
    out.writeUInt32LE(MAGIC, at);
    out.writeUInt32LE(((kind << 29) | part.length) >>> 0, at + 4);
    out.set(part, at + 8);
    at += 8 + padded(part.length);
  }
  return out;
}

/** Height and width; 0 for what is no image. */
async function sizeOf(bytes: Uint8Array): Promise<number[]> {
  const { height = 0, width = 0 } = await sharp(bytes)
    .metadata()
    .catch(() => ({ height: 0, width: 0 }));
  return [height, width];
}
