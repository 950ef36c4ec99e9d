import { Random } from '@protomem/core';
import { loadEngine, sparseSoftmaxCrossEntropy, unitRows, variableGradients } from '@protomem/engine';
import { useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { expect, it } from 'vitest';
import { createEncoder, type EncoderName } from './create-encoder.ts';

const reason = await loadEngine({ prefer: 'webgpu' }).then(
  () => undefined,
  (error: Error) => error.message,
);
if (reason) console.log(`skipping the tests of the engine "webgpu": ${reason}`);

/** Small: at 1e-2 rounding alone drives these tiny networks apart, on any two engines. */
const RATE = 2e-4;

/** Losses of a few steps of SGD towards fixed prototypes. */
function train(name: EncoderName): number[] {
  const encoder = createEncoder(name, { inputSize: [18, 16], width: 0.125, embeddingSize: 6 });
  const random = new Random(3);
  const images = tf.tensor4d(
    Uint8Array.from({ length: 6 * 18 * 16 * 3 }, () => random.below(256)),
    [6, 18, 16, 3],
    'int32',
  );
  const prototypes = tf.tidy(() =>
    unitRows(
      tf.tensor2d(
        Float32Array.from({ length: 60 }, () => random.normal()),
        [10, 6],
      ),
    ),
  );
  const targets = tf.tensor1d([0, 3, 3, 9, 5, 1], 'int32');
  const variables = encoder.parameters.filter(({ variable }) => variable.trainable).map(({ variable }) => variable);
  const losses = Array.from({ length: 4 }, () => {
    const { value, grads } = variableGradients(() => {
      const cosines = tf.matMul(unitRows(encoder.apply(images, { training: true })), prototypes, false, true);
      return tf.mean(sparseSoftmaxCrossEntropy(tf.mul(cosines, 8), targets)) as tf.Scalar;
    }, variables);
    tf.tidy(() => {
      for (const variable of variables) variable.assign(tf.sub(variable, tf.mul(grads[variable.name]!, RATE)));
    });
    const loss = value.dataSync()[0]!;
    tf.dispose([value, grads]);
    return loss;
  });
  tf.dispose([images, prototypes, targets]);
  encoder.dispose();
  return losses;
}

it.skipIf(reason).each(['mobile-face-net', 'iresnet18'] as const)('%s learns on webgpu as on cpu', async (name) => {
  await useEngine('cpu');
  const expected = train(name);
  await useEngine('webgpu');
  const before = tf.memory().numTensors;
  const found = train(name);
  for (const [step, loss] of expected.entries()) expect(Math.abs(found[step]! / loss - 1)).toBeLessThan(1e-4);
  expect(expected[3]).toBeLessThan(expected[0]!);
  expect(tf.memory().numTensors).toBe(before);
});
