import { runRecipe, toRun } from '@protomem/recipes';
import * as tf from '@tensorflow/tfjs';

/** A loss of your own on cosines [B, M] and target columns [B]. */
const pull = (cosines: tf.Tensor2D, targets: tf.Tensor1D): tf.Tensor1D =>
  tf.sub(1, tf.sum(tf.mul(cosines, tf.oneHot(targets, cosines.shape[1])), 1));

const { config, parts } = toRun(
  {
    ...{ from: 'demo', steps: 4, schedule: { warmup: 1 }, log: { tensorboard: false } },
    data: { identities: 100 },
    sampler: { classes: 4, images: 2 },
    encoder: { inputSize: 32, embeddingSize: 16 },
    head: { size: 20, loss: pull },
    evaluation: { pairs: { identities: 12, count: 20 } },
  },
  'mine',
);
const finished = await runRecipe(config, { out: 'run', parts, say: console.log });
console.log(finished?.results[0]?.result.verification.accuracy);

export {};
