/** Images by class that are no faces, in the memory and in a full softmax: `npx tsx --conditions=@protomem/source examples/not-faces.ts`. */
import { fullSoftmax } from '@protomem/baselines';
import { Random } from '@protomem/core';
import type { Head } from '@protomem/core/contracts';
import { loadEngine } from '@protomem/engine';
import { retrieval } from '@protomem/evaluation';
import { cosFace } from '@protomem/losses';
import { createPrototypeMemory, prototypeHead } from '@protomem/memory';
import { normalizeRows } from '@protomem/protocols';
import * as tf from '@tensorflow/tfjs';

await loadEngine();
const [classes, held, side, width, steps] = [200, 50, 16, 32, 150];

/** A class is three soft blobs in grey; an image of it moves them a little, changes the light and adds noise. */
function draw(label: number, image: number): number[] {
  const [own, one] = [new Random(1, label), new Random(2, label, image)];
  const blobs = Array.from({ length: 3 }, () => ({
    x: own.uniform() + 0.05 * one.normal(),
    y: own.uniform() + 0.05 * one.normal(),
    radius: 0.08 + 0.12 * own.uniform(),
    shade: own.uniform() - 0.3,
  }));
  const light = 1 + 0.2 * one.normal();
  return Array.from({ length: side * side }, (_, i) => {
    const [column, row] = [(i % side) / side, Math.floor(i / side) / side];
    const shades = blobs.map((b) => b.shade * Math.exp(-((Math.hypot(column - b.x, row - b.y) / b.radius) ** 2)));
    return light * shades.reduce((sum, shade) => sum + shade) + 0.1 * one.normal();
  });
}
const images = (labels: readonly number[], first: number): tf.Tensor4D =>
  tf.reshape(tf.tensor2d(labels.map((label, i) => draw(label, first + i))), [-1, side, side, 1]);

/** Trains a small network with a head, then looks up images of held-out classes among each other. */
async function trainAndTest(name: string, head: Head): Promise<void> {
  const start = (seed: number) => ({ kernelInitializer: tf.initializers.glorotUniform({ seed }) });
  const convolution = { kernelSize: 3, strides: 2, activation: 'relu' } as const;
  const model = tf.sequential();
  model.add(tf.layers.conv2d({ inputShape: [side, side, 1], filters: 16, ...convolution, ...start(1) }));
  model.add(tf.layers.conv2d({ filters: 32, ...convolution, ...start(2) }));
  model.add(tf.layers.flatten());
  model.add(tf.layers.dense({ units: width, ...start(3) }));
  const optimizer = tf.train.adam(0.003);
  for (let step = 0; step < steps; step++) {
    tf.tidy(() => {
      const labels = Array.from({ length: 64 }, (_, i) => (step * 16 + (i >> 2)) % classes); // four of each of sixteen
      const batch = images(labels, step * 64);
      optimizer.minimize(() => tf.mean(head.loss(model.apply(batch) as tf.Tensor2D, labels)));
    });
  }
  const people = Array.from({ length: 8 * held }, (_, i) => classes + (i >> 3));
  const features = await (model.predict(images(people, 0)) as tf.Tensor2D).data<'float32'>();
  const { rate } = (await retrieval({ features: normalizeRows(features, width), people }, width)).recall[0]!;
  console.log(`${name}: ${(100 * rate).toFixed(1)} % of images of classes never seen have one of theirs nearest`);
}

const loss = cosFace({ scale: 16, margin: 0.2 });
const memory = createPrototypeMemory({ size: 100, dimension: width, refreshRatio: 0.5 });
await trainAndTest('Prototype Memory, 100 slots', prototypeHead({ memory, loss }));
await trainAndTest('full softmax, 200 weights', fullSoftmax({ identities: classes, dimension: width, loss, seed: 1 }));
