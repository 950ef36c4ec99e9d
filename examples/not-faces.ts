/** Images by class that are no faces, in the memory and in a full softmax: `npx tsx examples/not-faces.ts`. */
import { fullSoftmax } from '@protomem/baselines';
import { Random } from '@protomem/core';
import type { Head } from '@protomem/core/contracts';
import { loadEngine } from '@protomem/engine';
import { retrieval } from '@protomem/evaluation';
import { cosFace } from '@protomem/losses';
import { createPrototypeMemory, prototypeHead } from '@protomem/memory';
import * as tf from '@tensorflow/tfjs';

await loadEngine();
const [classes, held, side, width, steps] = [200, 50, 16, 32, 150];

/** A class is three soft blobs in grey; an image of it moves them a little, changes the light and adds noise. */
function draw(label: number, image: number): number[] {
  const own = new Random(1, label);
  const one = new Random(2, label, image);
  const blobs = [0, 1, 2].map(
    () => [own.uniform(), own.uniform(), 0.08 + 0.12 * own.uniform(), own.uniform() - 0.3] as const,
  );
  const moved = blobs.map(([x, y, r, a]) => [x + 0.05 * one.normal(), y + 0.05 * one.normal(), r, a] as const);
  const light = 1 + 0.2 * one.normal();
  return Array.from({ length: side * side }, (_, i) => {
    const [x, y] = [(i % side) / side, Math.floor(i / side) / side];
    const value = moved.reduce(
      (sum, [cx, cy, r, a]) => sum + a * Math.exp(-((x - cx) ** 2 + (y - cy) ** 2) / r ** 2),
      0,
    );
    return light * value + 0.1 * one.normal();
  });
}
const images = (labels: readonly number[], image: number): tf.Tensor4D =>
  tf.tensor4d(
    labels.flatMap((label, i) => draw(label, image + i)),
    [labels.length, side, side, 1],
  );

/** Trains a small network with the head, then looks up images of held-out classes among each other. */
async function trainAndTest(head: Head): Promise<number> {
  const { conv2d, dense, flatten } = tf.layers;
  const start = (seed: number) => ({ kernelInitializer: tf.initializers.glorotUniform({ seed }) });
  const convolution = { kernelSize: 3, strides: 2, activation: 'relu' } as const;
  const model = tf.sequential({
    layers: [
      conv2d({ inputShape: [side, side, 1], filters: 16, ...convolution, ...start(1) }),
      conv2d({ filters: 32, ...convolution, ...start(2) }),
      flatten(),
      dense({ units: width, ...start(3) }),
    ],
  });
  const optimizer = tf.train.adam(0.003);
  for (let step = 0; step < steps; step++) {
    tf.tidy(() => {
      const labels = Array.from({ length: 64 }, (_, i) => (step * 16 + (i >> 2)) % classes); // four of each of sixteen
      const batch = images(labels, step * 64);
      const { grads } = tf.variableGrads(() => tf.mean(head.loss(model.apply(batch) as tf.Tensor2D, labels)));
      optimizer.applyGradients(grads as Record<string, tf.Variable>);
    });
  }
  const people = Array.from({ length: 8 * held }, (_, i) => classes + (i >> 3));
  const embeddings = model.predict(images(people, 0)) as tf.Tensor2D;
  const features = (await tf.div(embeddings, tf.norm(embeddings, 2, 1, true)).data()) as Float32Array;
  return (await retrieval({ features, people }, width)).recall[0]!.rate;
}

const loss = cosFace({ scale: 16, margin: 0.2 });
const heads = {
  'Prototype Memory, 100 slots': () =>
    prototypeHead({ memory: createPrototypeMemory({ size: 100, dimension: width, refreshRatio: 0.5 }), loss }),
  'full softmax, 200 weights': () => fullSoftmax({ identities: classes, dimension: width, loss, seed: 1 }),
};
for (const [name, make] of Object.entries(heads)) {
  const share = await trainAndTest(make());
  console.log(`${name}: ${(100 * share).toFixed(1)} % of images of classes never seen have one of theirs nearest`);
}
