import { loadEngine } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, it } from 'vitest';
import { activationRanges, convolution, defineEncoder } from './browser.ts';

beforeAll(() => loadEngine({ prefer: 'cpu' }));

/** One weight, the sum of the colours, then a slope that must not be taken for what the weight gives. */
const make = defineEncoder({
  name: 'one',
  embeddingSize: 1,
  normalization: { mean: 100, std: 10 },
  source: 'ours',
  options: {},
  layers: ({ inputSize: [height, width] }) => [
    { ...convolution('conv', 3, 1, { kernel: 1, std: 1 }), bias: true },
    { kind: 'prelu', name: 'prelu', channels: 1 },
    { kind: 'flatten', features: height * width },
    { kind: 'linear', name: 'fc', inputs: height * width, outputs: 1, std: 1 },
  ],
});

const faces = (...values: number[]): tf.Tensor4D =>
  tf.tensor4d(
    values.flatMap((value) => new Array(16 * 16 * 3).fill(value)),
    [values.length, 16, 16, 3],
  );

async function* batches(): AsyncGenerator<tf.Tensor4D> {
  yield faces(80, 120);
  yield faces(110, 130);
}

it('gives the mean of the extremes of batches, before activations, and disposes the batches', async () => {
  const encoder = make({ inputSize: 16 });
  const set = (name: string, values: number[]): void => {
    const { variable } = encoder.parameters.find((one) => one.name === name)!;
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
  };
  set('conv.weight', [1, 1, 1]);
  set('conv.bias', [1]);
  set('prelu.weight', [0.5]);
  set('fc.weight', new Array(256).fill(1 / 256));
  const before = tf.memory().numTensors;
  const ranges = await activationRanges(encoder, batches());
  expect(tf.memory().numTensors).toBe(before);
  // Pixels -2, 2 and 1, 3; three times that and one; of negative ones the half.
  expect(ranges.get('conv')).toEqual({ input: [-0.5, 2.5], output: [(-5 + 4) / 2, (7 + 10) / 2] });
  const { input, output } = ranges.get('fc')!;
  for (const range of [input, output]) {
    expect(range[0]).toBeCloseTo((-2.5 + 4) / 2, 4);
    expect(range[1]).toBeCloseTo(8.5, 4);
  }
  expect([...ranges.keys()]).toEqual(['conv', 'fc']);
  encoder.dispose();
});

it('refuses no faces', async () => {
  const encoder = make({ inputSize: 16 });
  await expect(activationRanges(encoder, (async function* () {})())).rejects.toThrow('batches is "none"');
  encoder.dispose();
});
