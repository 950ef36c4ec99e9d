import { Random } from '@protomem/core';
import { enginesAtHand, leaked, useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { createEncoder, type EncoderName, encoders } from './create-encoder.ts';
import type { DefinedEncoder } from './define-encoder.ts';
import { forFineTuning } from './for-fine-tuning.ts';

beforeAll(async () => useEngine((await enginesAtHand()).at(-1)!));

/** First and last layers, and some in the middle. */
const middle: Readonly<Record<EncoderName, string>> = {
  iresnet18: 'layer2',
  iresnet34: 'layer2',
  iresnet50: 'layer2',
  iresnet100: 'layer2',
  'iresnet18-se': 'layer2',
  'iresnet50-se': 'layer2',
  'mobile-face-net': 'blocks.3',
  'ghost-face-net-s1': 'blocks.3',
  'ghost-face-net-s2': 'blocks.3',
  'vit-tiny': 'blocks.3',
  'vit-small': 'blocks.3',
};

const images = (): tf.Tensor4D => {
  const random = new Random(3);
  return tf.tensor4d(
    Float32Array.from({ length: 4 * 16 * 16 * 3 }, () => random.below(256)),
    [4, 16, 16, 3],
  );
};
const small = (name: EncoderName) => createEncoder(name, { inputSize: 16, width: 0.125, embeddingSize: 6, seed: 2 });
const valuesOf = (encoder: DefinedEncoder) =>
  new Map(encoder.parameters.map(({ name, variable }) => [name, variable.dataSync().join()]));

/** One step down the gradient of all that is trainable; running statistics follow. */
function step(encoder: DefinedEncoder): void {
  tf.tidy(() => {
    const trainable = encoder.parameters.filter((parameter) => parameter.trainable);
    const { grads } = tf.variableGrads(
      () => tf.sum(tf.square(encoder.apply(images(), { training: true }))),
      trainable.map(({ variable }) => variable),
    );
    for (const { variable } of trainable) variable.assign(tf.sub(variable, tf.mul(grads[variable.name]!, 1e-3)));
  });
}

const moved = (encoder: DefinedEncoder): string[] => {
  const before = valuesOf(encoder);
  step(encoder);
  return [...valuesOf(encoder)].filter(([name, values]) => before.get(name) !== values).map(([name]) => name);
};

describe.each(['iresnet18', 'mobile-face-net'] as const)('%s', (name) => {
  it('keeps frozen layers with their statistics, and moves all others', () => {
    const encoder = small(name);
    const frozen = (one: string): boolean => one.startsWith(`${middle[name]}.`);
    expect(moved(encoder).some(frozen)).toBe(true);
    const found = moved(forFineTuning({ encoder, freeze: [middle[name]] }));
    expect(found.filter(frozen)).toEqual([]);
    const others = encoder.parameters.filter((one) => !frozen(one.name) && (one.decay || /running/.test(one.name)));
    expect(found).toEqual(expect.arrayContaining(others.map((one) => one.name)));
    encoder.dispose();
  });

  it('is in training as in evaluation where everything is frozen', () => {
    const encoder = small(name);
    step(encoder);
    const probe = forFineTuning({ encoder, freezeDepth: 1 });
    expect(probe.parameters.filter(({ trainable }) => trainable)).toEqual([]);
    const before = valuesOf(encoder);
    tf.tidy(() => {
      const [training, evaluation] = [probe.apply(images(), { training: true }), encoder.apply(images())];
      expect([...training.dataSync()]).toEqual([...evaluation.dataSync()]);
    });
    expect(valuesOf(encoder)).toEqual(before);
    encoder.dispose();
  });
});

it('has the gradients that finite differences see below frozen norms', () => {
  const encoder = small('iresnet18');
  for (let i = 0; i < 3; i++) step(encoder);
  const tuned = forFineTuning({ encoder, freeze: ['layer4', 'bn2', 'fc', 'features'] });
  const { variable } = tuned.parameters.find((one) => one.name === 'layer3.1.bn3.bias')!;
  const loss = (): tf.Scalar => tf.sum(tf.square(tuned.apply(images(), { training: true })));
  const gradient = tf.tidy(() => tf.variableGrads(loss, [variable]).grads[variable.name]!.dataSync());
  const start = variable.dataSync().slice();
  const at = (index: number, by: number): number =>
    tf.tidy(() => {
      variable.assign(tf.tensor1d(start.map((value, i) => (i === index ? value + by : value))));
      return loss().dataSync()[0]!;
    });
  // Running statistics of the norms below are no part of what they do in training.
  for (const index of [0, 5]) {
    const difference = (at(index, 1e-2) - at(index, -1e-2)) / 2e-2;
    expect(Math.abs(gradient[index]! - difference)).toBeLessThan(0.03 * Math.abs(difference) + 0.02);
  }
  encoder.dispose();
});

it('rises in rate from the first block to the last', () => {
  const encoder = small('iresnet18');
  const { parameters } = forFineTuning({ encoder, firstLayerRate: 0.01 });
  const rateOf = (start: string): number => parameters.find((one) => one.name.startsWith(start))!.rate!;
  expect(rateOf('conv1')).toBeCloseTo(0.01);
  expect(rateOf('features')).toBe(1);
  // conv1, bn1, prelu, eight blocks, bn2, fc, features: the sixth of fourteen.
  expect(rateOf('layer2.0')).toBeCloseTo(0.01 ** (1 - 5 / 13));
  expect(rateOf('layer2.0')).toBe(parameters.find(({ name }) => name === 'layer2.0.downsample.1.running_var')!.rate!);
  encoder.dispose();
});

it('freezes a share of the blocks, and owns no tensor of its own', () => {
  const encoder = small('iresnet18');
  expect(leaked(() => forFineTuning({ encoder, freezeDepth: 0.5 }))).toBe(0);
  const { parameters } = forFineTuning({ encoder, freezeDepth: 0.5 });
  const trained = new Set(parameters.filter(({ trainable }) => trainable).map(({ name }) => name.split('.')[0]));
  expect([...trained]).toEqual(['layer3', 'layer4', 'bn2', 'fc', 'features']);
  const frozen = new Set(parameters.filter((one) => one.frozen).map(({ name }) => name.split('.')[0]));
  expect([...frozen]).toEqual(['conv1', 'bn1', 'prelu', 'layer1', 'layer2']);
  encoder.dispose();
});

it('unfreezes by a view of a view what the first froze, norms too', () => {
  const encoder = small('iresnet18');
  const probe = forFineTuning({ encoder, freezeDepth: 1, firstLayerRate: 0.1 });
  const next = forFineTuning({ encoder: probe, freezeDepth: 0.5 });
  const direct = forFineTuning({ encoder, freezeDepth: 0.5 });
  expect(next.parameters).toEqual(direct.parameters);
  const found = moved(next);
  expect(found).toContain('layer3.0.bn1.running_mean');
  expect(found).not.toContain('layer1.0.bn1.running_mean');
  expect(forFineTuning({ encoder: probe }).parameters.filter((one) => one.trainable)).toHaveLength(
    encoder.parameters.filter((one) => one.trainable).length,
  );
  encoder.dispose();
});

it('refuses a name of no layer, and names the blocks', () => {
  const encoder = small('iresnet18');
  expect(() => forFineTuning({ encoder, freeze: ['layer5'] })).toThrow(/"layer5".*conv1, bn1, prelu, layer1\.0/);
  encoder.dispose();
});

it('names the blocks of every encoder that the registry has', () => {
  expect(Object.keys(middle).sort()).toEqual(Object.keys(encoders).sort());
});
