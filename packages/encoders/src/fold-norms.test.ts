import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '@protomem/core';
import { enginesAtHand, expectClose, leaked, useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createEncoder, type EncoderName, encoders } from './create-encoder.ts';
import { type DefinedEncoder, defineEncoder } from './define-encoder.ts';
import { loadEncoder, saveEncoder } from './encoder-files.ts';
import { foldNorms } from './fold-norms.ts';
import { convolution, norm } from './layer.ts';

beforeAll(async () => useEngine((await enginesAtHand()).at(-1)!));

const disposables: { dispose(): void }[] = [];
const keep = <T extends { dispose(): void }>(thing: T): T => {
  disposables.push(thing);
  return thing;
};
afterEach(() => {
  for (const thing of disposables.splice(0)) thing.dispose();
});

/** Every parameter, statistics too, far from where it starts. */
function scramble({ parameters }: DefinedEncoder): void {
  const random = new Random(7);
  for (const { name, variable } of parameters) {
    const positive = /running_var$/.test(name);
    const value = (): number => (positive ? 0.2 + 2 * random.uniform() : random.normal(0.1, 0.4));
    const values = Float32Array.from({ length: variable.size }, value);
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
  }
}

function images(count: number): tf.Tensor4D {
  const random = new Random(3);
  const values = Uint8Array.from({ length: count * 18 * 16 * 3 }, () => random.below(256));
  return keep(tf.tensor4d(values, [count, 18, 16, 3], 'int32'));
}

const valuesOf = (encoder: DefinedEncoder, x: tf.Tensor4D): Float32Array =>
  keep(encoder.apply(x)).dataSync<'float32'>();

describe.each(Object.keys(encoders) as EncoderName[])('foldNorms of %s', (name) => {
  it('gives the same embeddings with fewer norms, and a file keeps them bit for bit', async () => {
    const encoder = keep(createEncoder(name, { inputSize: [18, 16], width: 0.125, embeddingSize: 6, dropout: 0.4 }));
    scramble(encoder);
    const before = encoder.parameters.map(({ variable }) => [...variable.dataSync()]);
    const folded = keep(foldNorms(encoder));
    const x = images(3);
    const expected = valuesOf(encoder, x);
    const scale = Math.max(...expected.map(Math.abs));
    const relative = (values: Float32Array): number[] => [...values].map((value) => value / scale);
    expectClose(relative(valuesOf(folded, x)), relative(expected), 1e-4);
    expect(encoder.parameters.map(({ variable }) => [...variable.dataSync()])).toEqual(before);

    const norms = folded.parameters.filter((parameter) => parameter.name.endsWith('running_mean'));
    const blocks = folded.layers.filter(({ kind }) => kind === 'residual').length;
    // In IResNet's blocks one comes before a padded convolution.
    expect(norms).toHaveLength(name.startsWith('iresnet') ? blocks : 0);
    expect(() => folded.apply(x, { training: true })).toThrow('folded into the weights');
    expect(() => foldNorms(folded)).toThrow('folded already');

    const dir = await mkdtemp(join(tmpdir(), 'protomem-fold-'));
    await saveEncoder(folded, join(dir, 'a.safetensors'));
    const loaded = keep(await loadEncoder(join(dir, 'a.safetensors')));
    await rm(dir, { recursive: true });
    expect(loaded.folded).toBe(true);
    expect(valuesOf(loaded, x)).toEqual(valuesOf(folded, x));
  });

  it('leaks nothing', () => {
    const encoder = keep(createEncoder(name, { inputSize: 16, width: 0.125, embeddingSize: 6 }));
    expect(leaked(() => foldNorms(encoder).dispose())).toBe(0);
  });
});

it.each([
  ['on both sides of a linear layer, and leaves one that nothing linear comes before', ['second', 'third']],
  ['between two linear layers into the first alone', ['second']],
])('folds norms %s', (_, between) => {
  const mine = defineEncoder({
    name: 'mine',
    embeddingSize: 4,
    normalization: { mean: 127.5, std: 127.5 },
    source: 'ours',
    layers: ({ inputSize: [height, width], embeddingSize }) => [
      norm('first', 3),
      convolution('conv', 3, 8, { kernel: 3, std: 0.1 }),
      ...between.map((name) => norm(name, 8)),
      { kind: 'dense', name: 'fc', inputs: [height, width, 8], outputs: embeddingSize },
      norm('last', embeddingSize),
    ],
  });
  const encoder = keep(createEncoder('mine', { inputSize: [18, 16] }, { mine }));
  scramble(encoder);
  const folded = keep(foldNorms(encoder, { mine }));
  expect(folded.layers.map((layer) => (layer as { name: string }).name)).toEqual(['first', 'conv', 'fc']);
  const x = images(2);
  const [expected, values] = [valuesOf(encoder, x), valuesOf(folded, x)];
  const scale = Math.max(...expected.map(Math.abs));
  expectClose(
    [...values].map((value) => value / scale),
    [...expected].map((value) => value / scale),
    1e-4,
  );
});
