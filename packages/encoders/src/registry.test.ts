import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { optionTable, Random } from '@protomem/core';
import { enginesAtHand, expectClose, leaked, useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createEncoder, type EncoderName, encoderCard, encoders } from './create-encoder.ts';
import { type DefinedEncoder, defineEncoder } from './define-encoder.ts';
import { convolution, norm, prelu } from './layer.ts';
import type { EncoderOptions } from './options.ts';

// The engines come slowest first; what is checked here does not depend on them.
beforeAll(async () => useEngine((await enginesAtHand()).at(-1)!));

const names = Object.keys(encoders) as EncoderName[];
const small: EncoderOptions = { inputSize: [18, 16], width: 0.125, embeddingSize: 6 };

function imagesOf(count: number, [height, width]: readonly [number, number], seed = 3): tf.Tensor4D {
  const random = new Random(seed);
  const values = Uint8Array.from({ length: count * height * width * 3 }, () => random.below(256));
  return tf.tensor4d(values, [count, height, width, 3], 'int32');
}

const disposables: { dispose(): void }[] = [];
const keep = <T extends { dispose(): void }>(thing: T): T => {
  disposables.push(thing);
  return thing;
};
afterEach(() => {
  for (const thing of disposables.splice(0)) thing.dispose();
});

function digest(encoder: DefinedEncoder): string {
  const hash = createHash('sha256');
  for (const { variable } of encoder.parameters) hash.update(variable.dataSync<'float32'>());
  return hash.digest('hex');
}

describe.each(names)('%s', (name) => {
  it('has variables as its card counts them, with unique names', () => {
    const encoder = keep(createEncoder(name, small));
    const counted = encoder.parameters.filter((parameter) => !/running_(mean|var)$/.test(parameter.name));
    expect(counted.reduce((sum, { variable }) => sum + variable.size, 0)).toBe(encoder.card.parameters);
    expect(new Set(encoder.parameters.map((parameter) => parameter.name)).size).toBe(encoder.parameters.length);
    expect(encoder.card).toEqual(encoderCard(name, small));
  });

  it('decays kernels only, and trains neither statistics nor the fixed scale', () => {
    for (const { name: path, variable, trainable, decay } of keep(createEncoder(name, small)).parameters) {
      // Of rank 3 are the vectors of places.
      expect([path, decay]).toEqual([path, variable.rank === 2 || variable.rank === 4]);
      expect([path, trainable]).toEqual([path, !/running_(mean|var)$|features\.weight$/.test(path)]);
      expect(variable.trainable).toBe(trainable);
    }
  });

  it('allocates nothing for a card', () => {
    expect(leaked(() => encoderCard(name))).toBe(0);
  });

  it('gives [B, D] for float and integer images, and leaks nothing', () => {
    const encoder = keep(createEncoder(name, small));
    const images = keep(imagesOf(3, [18, 16]));
    const floats = keep(tf.cast(images, 'float32'));
    const embeddings = keep(encoder.apply(images));
    expect([embeddings.shape, embeddings.dtype]).toEqual([[3, 6], 'float32']);
    expect([...keep(encoder.apply(floats)).dataSync()]).toEqual([...embeddings.dataSync()]);
    expect(leaked(() => encoder.apply(images).dispose())).toBe(0);
    expect(leaked(() => encoder.apply(images, { training: true }).dispose())).toBe(0);
  });

  it('sends a gradient to every trainable parameter, updates statistics, and leaks nothing', () => {
    const encoder = keep(createEncoder(name, { ...small, dropout: 0.2 }));
    const images = keep(imagesOf(4, [18, 16]));
    const trained = encoder.parameters.filter(({ trainable }) => trainable);
    const statistics = encoder.parameters.filter((parameter) => /running/.test(parameter.name));
    const before = statistics.map(({ variable }) => [...variable.dataSync()]);
    const step = (): Record<string, tf.Tensor> => {
      const weights = tf.tidy(() => tf.cos(tf.range(0, 24)));
      const { value, grads } = tf.variableGrads(
        () => tf.sum(tf.mul(tf.reshape(encoder.apply(images, { training: true }), [-1]), weights)) as tf.Scalar,
        trained.map(({ variable }) => variable),
      );
      tf.dispose([value, weights]);
      return grads;
    };
    let grads: Record<string, tf.Tensor> = {};
    const made = leaked(() => {
      grads = step();
    });
    expect(made).toBe(trained.length);
    const dead = trained.filter(({ variable }) => !grads[variable.name]!.dataSync().some((g) => g !== 0));
    // The norm after it takes the linear layer's bias away again, so its gradient is rounding at most.
    expect(dead.map((parameter) => parameter.name).filter((path) => path !== 'fc.bias')).toEqual([]);
    expect(Object.values(grads).every((gradient) => gradient.dataSync().every(Number.isFinite))).toBe(true);
    tf.dispose(grads);
    for (const [i, { variable }] of statistics.entries()) expect([...variable.dataSync()]).not.toEqual(before[i]);
  });

  it('is the same for the same seed and another for another', () => {
    const [a, b, c] = [1, 1, 2].map((seed) => digest(keep(createEncoder(name, { ...small, seed }))));
    expect(a).toBe(b);
    expect(a).not.toBe(c);
  });

  it('frees everything on dispose, and says so when used later', () => {
    expect(leaked(() => createEncoder(name, small).dispose())).toBe(0);
    const encoder = createEncoder(name, small);
    encoder.dispose();
    expect(() => encoder.apply(keep(imagesOf(1, [18, 16])))).toThrow(/the encoder is "disposed"/);
  });

  it('drops features by step seed, in training only', () => {
    const encoder = keep(createEncoder(name, { ...small, dropout: 0.5 }));
    const images = keep(imagesOf(4, [18, 16]));
    const run = (options: { training: boolean; seed: number }): number[] => [
      ...keep(encoder.apply(images, options)).dataSync(),
    ];
    expect(run({ training: true, seed: 1 })).toEqual(run({ training: true, seed: 1 }));
    expect(run({ training: true, seed: 1 })).not.toEqual(run({ training: true, seed: 2 }));
    expect(run({ training: false, seed: 1 })).toEqual(run({ training: false, seed: 2 }));
  });

  it('trains alike whether it recomputes or keeps', () => {
    const images = keep(imagesOf(4, [18, 16]));
    const held: number[] = [];
    const [kept, recomputed] = [false, true].map((recompute) => {
      const encoder = keep(createEncoder(name, { ...small, recompute }));
      const variables = encoder.parameters.filter(({ trainable }) => trainable).map(({ variable }) => variable);
      const before = tf.memory().numBytes;
      const loss = (): tf.Scalar => {
        const embeddings = encoder.apply(images, { training: true });
        held.push(tf.memory().numBytes - before);
        return tf.mean(tf.square(tf.sub(embeddings, 1)));
      };
      const { value, grads } = tf.variableGrads(loss, variables);
      value.dispose();
      const gradients = variables.map((variable) => keep(grads[variable.name]!));
      return [
        ...gradients,
        ...encoder.parameters.filter(({ trainable }) => !trainable).map(({ variable }) => variable),
      ];
    });
    for (const [i, expected] of kept!.entries()) expectClose(recomputed![i]!, expected, 1e-4);
    // What waits for the backward pass: only a block's input of each block.
    expect(held[1]! / held[0]!).toBeLessThan(0.7);
  });

  it('refuses images of another shape, one image in training, and bad options', () => {
    const encoder = keep(createEncoder(name, small));
    expect(() => encoder.apply(keep(imagesOf(2, [16, 18])))).toThrow(/images is "int32 \[2, 16, 18, 3\]"/);
    expect(() => encoder.apply(keep(imagesOf(1, [18, 16])), { training: true })).toThrow(/at least 2 in training/);
    expect(() => encoder.apply(keep(tf.zeros([0, 18, 16, 3])))).toThrow('number of images is 0, expected at least 1');
    for (const [options, message] of [
      [{ inputSize: 15 }, /inputSize is 15, expected an integer in \[16, 4096\]/],
      [{ inputSize: [112] }, /inputSize is \[112\]/],
      [{ inputSize: 112.5 }, /inputSize is 112.5/],
      [{ embeddingSize: 0 }, /embeddingSize is 0/],
      [{ width: 0 }, /width is 0/],
      [{ dropout: 1 }, /dropout is 1/],
      [{ recompute: 1 as never }, /recompute is 1, expected true or false/],
      [{ seed: -1 }, /seed is -1/],
      [{ embedingSize: 64 }, /Did you mean "embeddingSize"/],
    ] as const) {
      expect(() => encoderCard(name, options as unknown as EncoderOptions)).toThrow(message);
    }
  });
});

describe('paths that are dropped', () => {
  const options = { inputSize: 18, width: 0.125, embeddingSize: 6, dropPath: 0.8 } as const;
  const images = (): tf.Tensor4D => keep(imagesOf(4, [18, 18]));

  it('are drawn by step seed, in training only, and the same ones again where a block is recomputed', () => {
    const x = images();
    const [kept, recomputed] = [false, true].map((recompute) => {
      const encoder = keep(createEncoder('vit-tiny', { ...options, recompute }));
      const trained = encoder.parameters.filter(({ trainable }) => trainable).map(({ variable }) => variable);
      const run = (seed: number): number[] => [...keep(encoder.apply(x, { training: true, seed })).dataSync()];
      expect(run(1)).toEqual(run(1));
      expect(run(1)).not.toEqual(run(2));
      const { value, grads } = tf.variableGrads(
        () => tf.mean(tf.square(tf.sub(encoder.apply(x, { training: true, seed: 1 }), 1))),
        trained,
      );
      return [keep(value), ...trained.map(({ name }) => keep(grads[name]!))];
    });
    for (const [i, expected] of kept!.entries()) expectClose(recomputed![i]!, expected, 1e-4);
    const [evaluated, plain] = [options, { ...options, dropPath: 0 }].map((each) =>
      keep(keep(createEncoder('vit-tiny', each)).apply(x)),
    );
    expect([...evaluated!.dataSync()]).toEqual([...plain!.dataSync()]);
  });

  it('leave an image as it is, or are scaled by one over the share that stays', () => {
    const paths = defineEncoder({
      name: 'paths',
      embeddingSize: 3,
      normalization: { mean: 0, std: 1 },
      source: 'test',
      layers: ({ inputSize: [height, width] }) => [
        { kind: 'residual', body: [{ kind: 'drop-path', rate: 0.5 }], shortcut: [] },
        { kind: 'dense', name: 'fc', inputs: [height, width, 3], outputs: 3 },
      ],
    });
    const count = 40;
    const encoder = keep(paths({ inputSize: 16 }));
    const x = keep(imagesOf(count, [16, 16]));
    const [fc, bias] = encoder.parameters.map(({ variable }) => variable);
    tf.tidy(() => bias!.assign(tf.zerosLike(bias!)));
    const expected = keep(
      tf.tidy(() => tf.matMul(tf.reshape(tf.cast(x, 'float32'), [count, -1]), tf.reshape(fc!, [-1, 3]))),
    ).dataSync();
    const found = keep(encoder.apply(x, { training: true, seed: 3 })).dataSync();
    const times = Array.from({ length: count }, (_, i) => Math.round((found[3 * i]! / expected[3 * i]!) * 1e3) / 1e3);
    expect([...new Set(times)].sort()).toEqual([1, 3]);
    // A share of 0.5 of 40, within four standard deviations.
    expect(Math.abs(times.filter((one) => one === 1).length - 20)).toBeLessThan(13);
  });
});

it('follows running statistics as PyTorch does: 0.9 old + 0.1 batch, variance unbiased', () => {
  const tiny = defineEncoder({
    name: 'tiny',
    embeddingSize: 2,
    normalization: { mean: 0, std: 1 },
    source: 'test',
    layers: ({ embeddingSize }) => [
      convolution('conv', 3, 8, { kernel: 1, std: 1 }),
      norm('bn', 8),
      prelu('prelu', 8),
      { kind: 'dense', name: 'fc', inputs: [16, 16, 8], outputs: embeddingSize },
    ],
  });
  const encoder = keep(createEncoder('tiny', { inputSize: 16 }, { ...encoders, tiny }));
  const variable = (path: string): tf.Variable => encoder.parameters.find(({ name }) => name === path)!.variable;
  const images = keep(imagesOf(2, [16, 16]));
  const x = images.dataSync();
  const kernel = variable('conv.weight').dataSync();
  const first = Array.from({ length: 512 }, (_, i) =>
    [0, 1, 2].reduce((sum, c) => sum + x[i * 3 + c]! * kernel[c * 8]!, 0),
  );
  const mean = first.reduce((a, b) => a + b, 0) / 512;
  const variance = first.reduce((a, b) => a + (b - mean) ** 2, 0) / 511;
  keep(encoder.apply(images, { training: true }));
  expect(variable('bn.running_mean').dataSync()[0]).toBeCloseTo(0.1 * mean, 3);
  expect(variable('bn.running_var').dataSync()[0]! / (0.9 + 0.1 * variance)).toBeCloseTo(1, 4);
});

it.each<[EncoderName, EncoderOptions, (() => tf.Optimizer)?]>([
  ['mobile-face-net', { inputSize: 16, width: 0.125 }],
  ['iresnet18', { inputSize: 16, width: 0.125 }],
  ['iresnet18-se', { inputSize: 16, width: 0.125 }],
  // Narrower, half of the channels of its first layers would be two.
  ['ghost-face-net-s2', { inputSize: 16, width: 0.25 }],
  // Of patches there have to be several.
  ['vit-tiny', { inputSize: 27, width: 0.125 }, () => tf.train.adam(0.01)],
])('%s learns from scratch: the loss of telling four images apart falls at once', (name, options, made) => {
  const encoder = keep(createEncoder(name, { ...options, embeddingSize: 8 }));
  const [height, width] = encoder.card.inputSize;
  const images = keep(imagesOf(8, [height, width]));
  const targets = keep(tf.oneHot(tf.tensor1d([0, 1, 2, 3, 0, 1, 2, 3], 'int32'), 8));
  const optimizer = keep(made?.() ?? tf.train.momentum(0.1, 0.9));
  const trained = encoder.parameters.filter(({ trainable }) => trainable).map(({ variable }) => variable);
  const losses = Array.from({ length: 12 }, () => {
    const loss = optimizer.minimize(
      () => tf.losses.softmaxCrossEntropy(targets, encoder.apply(images, { training: true })) as tf.Scalar,
      true,
      trained,
    )!;
    return keep(loss).dataSync()[0]!;
  });
  expect(losses.at(-1)).toBeLessThan(losses[0]! / 3);
});

it('refuses layers of one name, whose weights would be one in files', () => {
  const twice = defineEncoder({
    name: 'twice',
    embeddingSize: 4,
    normalization: { mean: 0, std: 1 },
    source: 'test',
    layers: () => [
      convolution('conv', 3, 8, { kernel: 3, std: 0.1 }),
      { kind: 'residual', body: [norm('bn', 8), norm('bn', 8)], shortcut: [] },
    ],
  });
  const tensors = tf.memory().numTensors;
  expect(() => twice({ inputSize: 16 })).toThrow('twice: name of a weight is "bn.weight", expected a name of its own');
  expect(tf.memory().numTensors).toBe(tensors);
});

it('lists the known names for an unknown one', () => {
  expect(() => createEncoder('iresnet51' as EncoderName)).toThrow(
    /one of mobile-face-net, .* Did you mean "iresnet50"/,
  );
});

it('takes the spelling of earlier releases, with a warning', () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  expect(encoderCard('mobilefacenet' as EncoderName)).toEqual(encoderCard('mobile-face-net'));
  expect(warn).toHaveBeenCalledWith(expect.stringContaining('"mobilefacenet" is now spelled "mobile-face-net"'));
  warn.mockRestore();
});

it('equals the published counts', () => {
  // As users of InsightFace's and of the 7x7 PyTorch code print them. MobileFaceNet's paper says 221 M multiply-adds and
  // 0.99 M parameters: the latter with norms folded into the convolutions, as for deployment.
  const published = {
    'mobile-face-net': 1_003_136,
    // Trainable ones in the summary of MegaFace/gen_megaface.ipynb of HamadYA/GhostFaceNets, which has ReLU where the paper has
    // PReLU: 10,076 slopes. With the stride of S2, the last kernel is 4x4 of 664 channels in place of 7x7.
    'ghost-face-net-s1': 4_049_672 + 10_076,
    'ghost-face-net-s2': 4_049_672 + 10_076 - 664 * (49 - 16),
    // What iresnet18 and iresnet50 of fdbtrs/ElasticFace print with use_se.
    'iresnet18-se': 24_112_640,
    'iresnet50-se': 43_813_568,
    // What vit_t_dp005_mask0 and vit_s_dp005_mask_0 of InsightFace print, without the mask_token that they never use.
    'vit-tiny': 19_137_792 - 256,
    'vit-small': 76_023_296 - 512,
    iresnet18: 24_025_600,
    iresnet34: 34_139_328,
    iresnet50: 43_590_848,
    iresnet100: 65_156_160,
  };
  for (const name of names) expect(encoderCard(name).parameters).toBe(published[name]);
  const millions = (name: EncoderName): number => encoderCard(name).macs / 1e6;
  expect(Math.round(millions('mobile-face-net'))).toBe(221);
  // "FLOPs" of InsightFace's README, in thousand millions of multiply-adds.
  expect((millions('vit-tiny') / 1000).toFixed(1)).toBe('1.5');
  expect((millions('vit-small') / 1000).toFixed(1)).toBe('5.7');
  // "Approximately 60" in the abstract of the paper, whose counter (a profiler of TensorFlow) takes norms and activations too.
  expect(millions('ghost-face-net-s2') / 60).toBeGreaterThan(0.98);
  expect(millions('ghost-face-net-s2') / 60).toBeLessThan(1);
});

it('has the table of its README right', async () => {
  const text = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const readme = text.replace(/ +/g, ' ').replace(/-{3,}/g, '---'); // The formatter pads columns.
  for (const name of names) {
    const { embeddingSize, parameters, macs, normalization } = encoderCard(name);
    const row = [
      `\`${name}\``,
      embeddingSize,
      parameters.toLocaleString('en'),
      `${(macs / 1e6).toLocaleString('en', { maximumFractionDigits: 0 })} M`,
      `(x - ${normalization.mean}) / ${normalization.std}`,
    ];
    expect(readme).toContain(`| ${row.join(' | ')} |`);
  }
  expect(readme).toContain(optionTable(encoders.iresnet50.options));
  const { dropPath } = encoders['vit-tiny'].options;
  expect(readme).toContain(optionTable({ dropPath }));
  expect(encoders['mobile-face-net'].options.embeddingSize.default).toBe(128);
});
