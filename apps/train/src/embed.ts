import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { check, type ImageSource, ProtomemError } from '@protomem/core';
import type { Encoder } from '@protomem/core/contracts';
import { countImages, loadImages, npyHeader, openDataset } from '@protomem/data';
import { foldNorms, loadEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { SingleBar } from 'cli-progress';
import { runFolder } from './run-folder.ts';

export interface EmbedOptions {
  /** `.npy` (with the images' names in a `.txt` beside it) or `.jsonl`. */
  readonly out: string;
  /** Add the embedding of the mirror image, as evaluation does. */
  readonly flip: boolean;
  /** Images at a time. */
  readonly batch: number;
}

/**
 * Embeds every image of a data set with a trained encoder: unit vectors, in the order of the data set.
 *
 * @param model a run folder or an encoder's file.
 * @param images a data set of any format that `openDataset` reads.
 */
export async function embed(model: string, images: string, options: EmbedOptions): Promise<void> {
  const { out, flip, batch } = options;
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
  check(!(await stat(out).catch(() => undefined)), () => ({
    where: 'embed',
    what: out,
    got: 'there already',
    expected: 'a new file: nothing is overwritten',
  }));
  const source = await openDataset(images);
  const file = await encoderFile(model);
  const { engine, device } = await loadEngine({});
  console.log(`engine: ${engine}, ${device}`);
  const encoder = await inferenceEncoder(file);
  const { embeddingSize } = encoder.card;
  const total = countImages(source).images;
  const bar = new SingleBar({
    format: '{bar} {value}/{total} images, {eta_formatted} left',
    hideCursor: true,
    gracefulExit: false,
    noTTYOutput: true,
    notTTYSchedule: 5000,
  });
  const writer = await writers[format](out, total, embeddingSize);
  try {
    bar.start(total, 0);
    let done = 0;
    for await (const { names, labels, values } of embedImages(encoder, source, { flip, batch })) {
      const identities = Array.from(labels, (label) => source.identityName(label));
      await writer.write(names, identities, values);
      done += names.length;
      bar.update(done);
    }
    await writer.finish();
  } catch (error) {
    await writer.discard();
    throw error;
  } finally {
    bar.stop();
    encoder.dispose();
  }
  console.log(`${total} embeddings of width ${embeddingSize}: ${out}`);
}

/** An encoder with its norms folded. The caller disposes it. */
export async function inferenceEncoder(file: string): Promise<Encoder> {
  const trained = await loadEncoder(file);
  if (trained.folded) return trained;
  const encoder = foldNorms(trained);
  trained.dispose();
  return encoder;
}

/** Unit vectors of all images of a source, in its order, batch by batch. */
export async function* embedImages(
  encoder: Encoder,
  source: ImageSource,
  { flip, batch }: Pick<EmbedOptions, 'flip' | 'batch'>,
): AsyncGenerator<{ names: readonly string[]; labels: Float64Array; values: Float32Array }> {
  const [height, width] = encoder.card.inputSize;
  const places = [];
  for (let identity = 0; identity < source.identities; identity++) {
    for (let image = 0; image < source.imagesOf(identity); image++) places.push({ identity, image });
  }
  const options = { height, width, batchSize: batch, workers: 1 };
  for await (const { pixels, shape, names, labels } of loadImages(source, places, options)) {
    yield { names, labels, values: await embedBatch(encoder, pixels, shape, flip) };
  }
}

/** The encoder of a run, or a file itself. */
export async function encoderFile(model: string): Promise<string> {
  const found = await stat(model).catch(() => undefined);
  const file = found?.isDirectory() ? runFolder(model).encoder : model;
  if (await stat(file).catch(() => undefined)) return file;
  throw new ProtomemError({
    where: 'embed',
    what: model,
    got: found ? 'without encoder.safetensors' : 'missing',
    expected: 'a finished run, or an encoder.safetensors',
  });
}

export async function embedBatch(
  encoder: Encoder,
  pixels: Uint8Array,
  shape: readonly [number, number, number, number],
  flip: boolean,
): Promise<Float32Array> {
  const unit = tf.tidy(() => {
    const images = tf.tensor4d(pixels, [...shape], 'float32');
    const straight = encoder.apply(images);
    const sum = flip ? tf.add(straight, encoder.apply(tf.reverse(images, 2))) : straight;
    return tf.div(sum, tf.maximum(tf.norm(sum, 2, 1, true), 1e-12));
  });
  try {
    return await unit.data<'float32'>();
  } finally {
    unit.dispose();
  }
}

interface EmbeddingWriter {
  write(names: readonly string[], identities: readonly string[], values: Float32Array): Promise<void>;
  /** Puts the file, whole, in its place. */
  finish(): Promise<void>;
  discard(): Promise<void>;
}

const writers = {
  /** NumPy's format: float32 rows. */
  async npy(out: string, rows: number, width: number): Promise<EmbeddingWriter> {
    const values = await temporaryFile(out);
    const names = await temporaryFile(out.replace(/\.npy$/, '.txt'));
    await values.append(npyHeader([rows, width]));
    return {
      async write(images, _, batch) {
        await values.append(Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength));
        await names.append(Buffer.from(images.map((name) => `${name}\n`).join('')));
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
          return `${JSON.stringify({ image, identity: identities[i], embedding })}\n`;
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
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
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
