import { enginesAtHand, expectClose, leaked, numericalGradient, useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import reference from './__fixtures__/reference.json' with { type: 'json' };
import { arcFace, cosFace, createLoss, type LossName, losses, normalizedSoftmax } from './index.ts';

/** The formulas once more, in float64, one element at a time. */
const margins: Record<LossName, (c: number, m: number, easy: boolean) => number> = {
  normalizedSoftmax: (c) => c,
  cosFace: (c, m) => c - m,
  arcFace: (c, m, easy) => {
    if (easy) return c > 0 ? Math.cos(Math.acos(c) + m) : c;
    return Math.acos(c) + m < Math.PI ? Math.cos(Math.acos(c) + m) : c - m * Math.sin(m);
  },
};

function naive(name: LossName, cosines: number[][], targets: number[], scale: number, m: number, easy: boolean) {
  return cosines.map((row, i) => {
    const logits = row.map((c, j) => scale * (j === targets[i] ? margins[name](c, m, easy) : c));
    const top = Math.max(...logits);
    return top + Math.log(logits.reduce((sum, z) => sum + Math.exp(z - top), 0)) - logits[targets[i]!]!;
  });
}

describe.each(await enginesAtHand())('losses on %s', (engine) => {
  beforeAll(() => useEngine(engine));

  it.each(reference.cases.map((c) => [`${c.loss} ${JSON.stringify(c.options)}, ${c.input}`, c] as const))(
    'agree with PyTorch: %s',
    (_, expected) => {
      const input = reference.inputs[expected.input as keyof typeof reference.inputs];
      const cosines = tf.tensor2d(input.cosines as number[][]);
      const targets = tf.tensor1d(input.targets, 'int32');
      const loss = createLoss(expected.loss as LossName, expected.options);
      const weights = tf.range(1, input.targets.length + 1);
      expectClose(loss(cosines, targets), expected.losses, 1e-5);
      const gradient = tf.grad((c) => tf.sum(tf.mul(loss(c as tf.Tensor2D, targets), weights)))(cosines);
      // Logits that differ by less than float32 can tell (scale 1e4) move the softmax; 1e-3 leaves room for that.
      expectClose(gradient, expected.gradient, expected.options.scale > 1000 ? 1e-3 : 1e-4);
    },
  );

  it.each([
    ['normalizedSoftmax', { scale: 10 }, 0, false],
    ['cosFace', { scale: 10, margin: 0.3 }, 0.3, false],
    ['arcFace', { scale: 10, margin: 0.7 }, 0.7, false],
    ['arcFace', { scale: 10, margin: 0.7, easyMargin: true }, 0.7, true],
  ] as const)('%s %o equals a naive loop, and finite differences', (name, options, m, easy) => {
    const rows = [
      [0.1, 0.5, -0.3],
      [-0.9, 0.2, 0.7],
      [0.6, -0.6, 0.4],
    ];
    const at = [1, 0, 2];
    const targets = tf.tensor1d(at, 'int32');
    const loss = createLoss(name, options);
    const cosines = tf.tensor2d(rows);
    expectClose(loss(cosines, targets), naive(name, rows, at, 10, m, easy), 1e-5);
    const f = (c: tf.Tensor): tf.Scalar => tf.sum(loss(c as tf.Tensor2D, targets));
    expectClose(tf.grad(f)(cosines), numericalGradient(f, cosines, 3e-3), 5e-3);
  });

  it.each(Object.keys(losses) as LossName[])('%s stays finite at and beyond a cosine of 1', (name) => {
    const loss = createLoss(name);
    const cosines = tf.tensor2d([1, 1, -1, -1, 1.0000001, -1.0000001, -1.0000001, 1.0000001], [4, 2]);
    const targets = tf.tensor1d([0, 1, 0, 0], 'int32');
    const { value, grad } = tf.valueAndGrad((c) => tf.sum(loss(c as tf.Tensor2D, targets)))(cosines);
    expect(Number.isFinite(value.dataSync()[0])).toBe(true);
    expect([...grad.dataSync()].every(Number.isFinite)).toBe(true);
  });

  it('arcFace at a cosine of 1 moves by cos(m), and a hair below by sin(t + m) / sin(t)', () => {
    const { margin } = arcFace({ margin: 0.5 });
    const slope = (c: number): number =>
      tf
        .grad((x) => tf.sum(margin(x as tf.Tensor1D)))(tf.tensor1d([c]))
        .dataSync()[0]!;
    expect(slope(1)).toBeCloseTo(Math.cos(0.5), 5);
    const angle = 0.05;
    expect(slope(Math.cos(angle))).toBeCloseTo(Math.sin(angle + 0.5) / Math.sin(angle), 1);
    expect(slope(-0.99)).toBeCloseTo(1, 5);
  });

  it('one column costs nothing, and pulls at nothing', () => {
    const cosines = tf.tensor2d([0.3, -1], [2, 1]);
    const targets = tf.tensor1d([0, 0], 'int32');
    for (const name of Object.keys(losses) as LossName[]) {
      const { value, grad } = tf.valueAndGrad((c) => tf.sum(createLoss(name)(c as tf.Tensor2D, targets)))(cosines);
      expectClose(value, [0]);
      expectClose(grad, [0, 0]);
    }
  });

  it('can be evaluated in blocks from what a loss carries', () => {
    const cosines = tf.randomUniform<tf.Rank.R2>([6, 10], -0.9, 0.9, 'float32', 3);
    const at = [0, 9, 3, 3, 7, 5];
    const own = tf.tensor1d(at.map((j, i) => (cosines.arraySync() as number[][])[i]![j]!));
    for (const loss of [normalizedSoftmax(), cosFace(), arcFace()]) {
      const target = tf.mul(loss.margin(own), loss.scale).arraySync() as number[];
      const inBlocks = at.map((j, i) => {
        let sum = 1; // the target's own term, relative to itself
        for (let first = 0; first < 10; first += 4) {
          const block = tf.slice(cosines, [i, first], [1, Math.min(4, 10 - first)]).dataSync();
          block.forEach((c, k) => {
            if (first + k !== j) sum += Math.exp(loss.scale * c - target[i]!);
          });
        }
        return Math.log(sum);
      });
      expectClose(loss(cosines, tf.tensor1d(at, 'int32')), inBlocks, 1e-5);
    }
  });

  it('leaves no tensor behind', () => {
    const cosines = tf.tensor2d([0.3, -0.2, 0.1, 0.8], [2, 2]);
    const targets = tf.tensor1d([0, 1], 'int32');
    for (const name of Object.keys(losses) as LossName[]) {
      const loss = createLoss(name);
      expect(leaked(() => loss(cosines, targets).dispose())).toBe(0);
      const gradient = tf.grad((c) => tf.sum(loss(c as tf.Tensor2D, targets)));
      expect(leaked(() => gradient(cosines).dispose())).toBe(0);
    }
  });
});

describe('losses', () => {
  it('carry their name and scale', () => {
    const { name, scale } = arcFace({ scale: 30 });
    expect([name, scale]).toEqual(['arcFace', 30]);
    expect(createLoss('normalizedSoftmax').scale).toBe(64);
  });

  it('refuse what they cannot work with', () => {
    expect(() => createLoss('cosface' as LossName)).toThrow(
      'createLoss: name is "cosface", expected one of normalizedSoftmax, cosFace, arcFace. Did you mean "cosFace"?',
    );
    expect(() => cosFace({ margin: -1 })).toThrow('cosFace: margin is -1, expected a number in [0, 2].');
    expect(() => arcFace({ margin: 4 })).toThrow('arcFace: margin is 4');
    expect(() => normalizedSoftmax({ scale: 0 })).toThrow('normalizedSoftmax: scale is 0');
    const cosines = tf.zeros<tf.Rank.R2>([2, 3]);
    expect(() => cosFace()(cosines, tf.tensor1d([0], 'int32'))).toThrow(
      'cosFace: shape of targets is [1], expected [2], one column for each row of cosines.',
    );
    expect(() => cosFace()(cosines, tf.tensor1d([0, 1]))).toThrow('dtype of targets is "float32", expected int32.');
    expect(() => cosFace()(tf.zeros([2]) as unknown as tf.Tensor2D, tf.tensor1d([0, 1], 'int32'))).toThrow(
      'shape of cosines',
    );
  });
});
