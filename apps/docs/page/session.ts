// What the page trains: synthetic faces, a small MobileFaceNet, a Prototype Memory. No document is needed.
import type { Head } from '@protomem/core/contracts';
import { createAugmentation, createLoader, createSampler } from '@protomem/data';
import { createEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { cosFace } from '@protomem/losses';
import { createPrototypeMemory, prototypeHead, type StalenessPoint } from '@protomem/memory';
import { syntheticFaces } from '@protomem/synthetic';
import { cosine, createTrainer, sgd } from '@protomem/training';
import * as tf from '@tensorflow/tfjs';

export const engines = ['auto', 'wasm', 'webgl', 'webgpu', 'cpu'] as const;
export type EngineName = (typeof engines)[number];

/** The training images are so many pixels wide and high. */
export const imageSize = 32;
const [people, classes, images, width] = [40, 8, 2, 32];

/** One step, as it is shown. */
export interface Moment {
  readonly step: number;
  readonly loss: number;
  /** Tensors that are alive between two steps. */
  readonly tensors: number;
  readonly staleness: readonly StalenessPoint[];
  /** RGB of the batch, `[B, size, size, 3]`. */
  readonly pixels: Uint8Array;
  /** Cosines of the batch's images to the prototypes in memory, B x M, row by row. */
  readonly cosines: Float32Array;
  readonly rows: number;
  readonly columns: number;
  /** Column of each image's own person. */
  readonly own: readonly number[];
  readonly hitRate: number;
}

export interface SessionOptions {
  readonly engine: EngineName;
  readonly steps: number;
  /** Called after each step and awaited; `'stop'` ends the run. */
  readonly onStep: (moment: Moment) => Promise<'stop' | undefined> | 'stop' | undefined;
  /** Called with the engine that was taken, before the first step. */
  readonly onEngine: (name: string) => void;
}

/** Trains, and gives everything back at the end. */
export async function train({ engine, steps, onStep, onEngine }: SessionOptions): Promise<void> {
  const loaded = await loadEngine({ prefer: engine });
  onEngine(loaded.engine);
  const source = syntheticFaces({ identities: people, imagesPerIdentity: 12, seed: 1, variation: 0.5 });
  const loader = createLoader({
    source,
    sampler: createSampler('every-class', { source, classes, images, seed: 1 }),
    ...{ height: imageSize, width: imageSize, cacheBytes: 4e6 },
    augmentation: createAugmentation({ shift: 0.05 }),
  });
  const encoder = createEncoder('mobile-face-net', { inputSize: imageSize, embeddingSize: width, width: 0.25 });
  const memory = createPrototypeMemory({ size: people, dimension: width });
  const plain = prototypeHead({ memory, loss: cosFace({ scale: 16, margin: 0.2 }) });

  // The step's own cosines, made a second time: a loss with a `form` never holds them all.
  let seen: { readonly cosines: tf.Tensor2D; readonly own: readonly number[] } | undefined;
  const head: Head = {
    ...plain,
    loss(embeddings, labels, images) {
      const losses = plain.loss(embeddings, labels, images);
      const cosines = tf.tidy(() => {
        const unit = tf.div(embeddings, tf.norm(embeddings, 2, 1, true));
        return tf.keep(tf.matMul<tf.Tensor2D>(unit, memory.columns(), false, true));
      });
      seen = { cosines, own: Array.from(labels, (label) => memory.slotOf(label)) };
      return losses;
    },
  };
  const optimizer = sgd();
  const trainer = createTrainer({
    ...{ encoder, loader, head, steps, optimizer, clipNorm: 5 },
    schedule: cosine({ base: 0.05, warmup: 10, steps }),
    hooks: {
      async onStepEnd({ step, metrics, batch }) {
        const { cosines, own } = seen!;
        const [rows, columns] = cosines.shape;
        const values = (await cosines.data()) as Float32Array;
        cosines.dispose();
        return onStep({
          ...{ step, rows, columns, own, cosines: values, pixels: batch.pixels },
          loss: metrics['train/loss']!,
          tensors: tf.memory().numTensors,
          staleness: memory.stalenessCurve(),
          hitRate: memory.metrics().hitRate!,
        });
      },
    },
  });
  try {
    await trainer.run();
  } finally {
    await loader.close();
    optimizer.dispose?.();
    head.dispose();
    encoder.dispose();
  }
}
