/** The memory in a loop of somebody else's, of TensorFlow.js alone: `npx tsx --conditions=@protomem/source examples/own-loop.ts`. */
import { cosFace } from '@protomem/losses';
import { createPrototypeMemory } from '@protomem/memory';
import * as tf from '@tensorflow/tfjs';

const width = 16;
const model = tf.sequential({
  layers: [
    tf.layers.dense({ inputShape: [20], units: 32, activation: 'relu' }),
    tf.layers.dense({ units: width, kernelInitializer: tf.initializers.glorotUniform({ seed: 2 }) }),
  ],
});
const optimizer = tf.train.adam(0.01);
const memory = createPrototypeMemory({ size: 100, dimension: width });
const loss = cosFace({ scale: 16, margin: 0.1 });

// Somebody's data: 50 classes, each a point in twenty dimensions, of which samples are noisy copies.
const centres = tf.randomNormal<tf.Rank.R2>([50, 20], 0, 1, 'float32', 1);
function batch(step: number): { samples: tf.Tensor2D; labels: number[] } {
  const labels = Array.from({ length: 32 }, (_, i) => (step * 8 + (i >> 2)) % 50); // four of each of eight classes
  const noise = tf.randomNormal<tf.Rank.R2>([32, 20], 0, 0.5, 'float32', step + 2);
  return { samples: tf.add(tf.gather(centres, labels), noise), labels };
}

const values: number[] = [];
for (let step = 0; step < 100; step++) {
  tf.tidy(() => {
    const { samples, labels } = batch(step);
    const objective = (): tf.Scalar => tf.mean(memory.loss(model.apply(samples) as tf.Tensor2D, labels, loss));
    const { value, grads } = tf.variableGrads(objective);
    optimizer.applyGradients(grads as Record<string, tf.Variable>);
    values.push(value.dataSync()[0]!);
  });
}
const mean = (some: readonly number[]): number => some.reduce((a, b) => a + b, 0) / some.length;
const { occupancy, hitRate } = memory.metrics();
console.log(`loss ${mean(values.slice(10, 20)).toFixed(2)} -> ${mean(values.slice(-10)).toFixed(2)}`);
console.log(
  `memory: ${(100 * occupancy!).toFixed(0)} % full, ${(100 * hitRate!).toFixed(0)} % of the batch's classes were in it`,
);
