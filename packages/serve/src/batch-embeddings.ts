import { type OptionsOf, option, readOptions } from '@protomem/core';
import type { EmbeddingModel } from '@protomem/protocols';

export const batchOptions = {
  batch: option.integer({
    help: 'Faces that go through the encoder together, at most.',
    min: 1,
    max: 1024,
    default: 32,
  }),
  wait: option.number({
    help: 'How long the first face of a batch waits for others while the encoder is idle, ms.',
    ...{ min: 0, max: 1000, default: 4 },
  }),
  /** A batch waits for them too, up to sixteen times as long as for others. */
  coming: option.given<() => number>()({ help: 'How many photos are being unpacked now.', absent: 'not known' }),
  onBatch: option.given<(faces: number) => void>()({ help: 'Called before each batch.', absent: 'nothing' }),
};

/** Of the event loop, between two batches: Node 20 takes one new connection in each, and an idle one takes microseconds. */
const TURNS = 64;
/** How often a batch waits once more while photos are being unpacked. */
const PATIENCE = 15;

interface Waiting {
  readonly pixels: Uint8Array;
  readonly flip: boolean;
  readonly done: (embedding: Float32Array) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * A model whose calls may overlap: faces that come while a batch runs, or within a few milliseconds, go through the encoder
 * together. Embeddings are those of calls one after the other, to the encoder's rounding.
 *
 * @param model stays the caller's: `dispose` of what is returned is its own.
 *
 * @example
 * ```ts
 * const batched = batchEmbeddings(model, { batch: 16 });
 * await Promise.all(photos.map((pixels) => batched.embed(pixels, 1, true))); // few calls of model.embed
 * ```
 */
export function batchEmbeddings(model: EmbeddingModel, options: OptionsOf<typeof batchOptions> = {}): EmbeddingModel {
  const { batch, wait, coming = () => 0, onBatch } = readOptions('batchEmbeddings', batchOptions, options);
  const { embeddingSize: width } = model;
  const waiting: Waiting[] = [];
  let running = false;
  let timer: NodeJS.Timeout | undefined;
  let patience = PATIENCE;

  function look(): void {
    if (running || waiting.length === 0) return;
    if (waiting.length >= batch) void run();
    else timer ??= setTimeout(waited, wait);
  }

  function waited(): void {
    timer = undefined;
    if (coming() > 0 && patience-- > 0) look();
    else void run();
  }

  async function run(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    patience = PATIENCE;
    running = true;
    // One batch is of one kind; the others wait for the next.
    const other = waiting.findIndex(({ flip }) => flip !== waiting[0]!.flip);
    const taken = waiting.splice(0, Math.min(batch, other < 0 ? batch : other));
    try {
      await embed(taken);
    } catch {
      // One image may be what the encoder refuses: the others do not go with it.
      for (const one of taken) await embed([one]).catch(one.failed);
    }
    // The encoder held this thread: answers have to leave, and photos that were unpacked meanwhile to come.
    for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
    running = false;
    look();
  }

  async function embed(faces: readonly Waiting[]): Promise<void> {
    const { pixels: first, flip } = faces[0]!;
    const pixels = new Uint8Array(faces.length * first.length);
    for (const [i, face] of faces.entries()) pixels.set(face.pixels, i * first.length);
    onBatch?.(faces.length);
    const found = await model.embed(pixels, faces.length, flip);
    for (const [i, { done }] of faces.entries()) done(found.slice(i * width, (i + 1) * width));
  }

  return {
    ...{ kind: model.kind, file: model.file, fingerprint: model.fingerprint },
    ...{ inputSize: model.inputSize, embeddingSize: width, notes: model.notes },
    warnings: () => model.warnings(),
    dispose: () => model.dispose(),
    async embed(pixels, count, flip) {
      const each = pixels.length / count;
      const faces = Array.from({ length: count }, (_, i) => {
        const face = pixels.subarray(i * each, (i + 1) * each);
        return new Promise<Float32Array>((done, failed) => {
          waiting.push({ pixels: face, flip, done, failed });
        });
      });
      look();
      const all = new Float32Array(count * width);
      for (const [i, embedding] of (await Promise.all(faces)).entries()) all.set(embedding, i * width);
      return all;
    },
  };
}
