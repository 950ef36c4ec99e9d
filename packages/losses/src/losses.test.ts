import type { CosineLoss, SoftmaxForm, SoftmaxLoss } from '@protomem/core/contracts';
import { enginesAtHand, expectClose, leaked, useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { type NaiveLoss, naiveLosses } from '../fixtures/naive-losses.ts';
import {
  arcFace,
  cosFace,
  createLoss,
  interClassFilter,
  type LossName,
  losses,
  magFace,
  normalizedSoftmax,
  pairLosses,
  subCenter,
} from './index.ts';

type Loss = CosineLoss & { readonly form?: SoftmaxForm };

const make = (name: LossName, options?: object): Loss => createLoss(name, options as never);
const names = Object.keys(losses) as LossName[];

/** A batch with hard and easy classes, long and short embeddings; no cosine near a kink of any loss. */
const rows = [
  [0.11, 0.52, -0.33, 0.61, 0.05],
  [-0.94, 0.23, 0.71, -0.12, 0.36],
  [0.63, -0.64, 0.42, 0.15, -0.51],
  [0.32, 0.18, -0.07, -0.45, 0.58],
];
const at = [1, 0, 2, 4];
const norms = [1.7, 6.4, 30, 0.6];
const owns = at.map((y, i) => rows[i]![y]!);

/** Losses of all samples by the naive loss, with one cosine or one length moved. */
function naive(loss: NaiveLoss['loss'], move: { i?: number; j?: number; by?: number; norm?: number } = {}): number[] {
  return rows.map((row, i) => {
    const c = row.map((v, j) => (i === move.i && j === move.j ? v + move.by! : v));
    const norm = norms[i]! + (i === move.i ? (move.norm ?? 0) : 0);
    return loss(c, at[i]!, { norm, i, norms, owns, at: row });
  });
}

describe.each(await enginesAtHand())('losses on %s', (engine) => {
  beforeAll(() => useEngine(engine));

  it.each(naiveLosses.map((one) => [`${one.name} ${JSON.stringify(one.options)}`, one] as const))(
    '%s equals its formula and its finite differences',
    (_, { name, options, loss }) => {
      const cosines = tf.tensor2d(rows);
      const targets = tf.tensor1d(at, 'int32');
      const lengths = tf.tensor1d(norms);
      expectClose(make(name, options)(cosines, targets, { norms: lengths }), naive(loss), 1e-5);
      const weights = [1, 1.5, 2, 2.5];
      const [toCosines, toNorms] = tf.grads((c, n) => {
        const perSample = make(name, options)(c as tf.Tensor2D, targets, { norms: n as tf.Tensor1D });
        // Most losses do not look at the lengths, which tfjs would not allow.
        return tf.add(tf.sum(tf.mul(perSample, weights)), tf.mul(tf.sum(n!), 0)) as tf.Scalar;
      })([cosines, lengths]);
      const total = (move: object): number => naive(loss, move).reduce((sum, v, i) => sum + weights[i]! * v, 0);
      const h = 1e-6;
      const slopes = rows.flatMap((row, i) =>
        row.map((_, j) => (total({ i, j, by: h }) - total({ i, j, by: -h })) / (2 * h)),
      );
      expectClose(toCosines!, slopes, 2e-4);
      const byNorm = rows.map((_, i) => (total({ i, norm: h }) - total({ i, norm: -h })) / (2 * h));
      expectClose(toNorms!, byNorm, 2e-4);
    },
  );

  it.each(names)('%s stays finite at and beyond a cosine of 1, with one column, and at a huge scale', (name) => {
    const edges = tf.tensor2d([1, 1, -1, -1, 1.0000001, -1.0000001, -1.0000001, 1.0000001, 0, 0], [5, 2]);
    const edgeTargets = tf.tensor1d([0, 1, 0, 0, 1], 'int32');
    const one = tf.tensor2d([0.3, -1, 1], [3, 1]);
    const oneTargets = tf.tensor1d([0, 0, 0], 'int32');
    const hasScale = 'scale' in naiveLosses.find((loss) => loss.name === name)!.options;
    for (const options of hasScale ? [undefined, { scale: 1e4 }] : [undefined]) {
      for (const [cosines, targets] of [
        [edges, edgeTargets],
        [one, oneTargets],
      ] as const) {
        const context = { norms: tf.fill<tf.Rank.R1>([targets.size], 5) };
        const { value, grad } = tf.valueAndGrad((c) => tf.sum(make(name, options)(c as tf.Tensor2D, targets, context)))(
          cosines,
        );
        expect(Number.isFinite(value.dataSync()[0])).toBe(true);
        expect([...grad.dataSync()].every(Number.isFinite)).toBe(true);
      }
    }
  });

  it.each(names)('%s passes over a sample whose class is not among the columns', (name) => {
    const context = { norms: tf.tensor1d([5, 5, 5]) };
    const cosines = tf.tensor2d(rows.slice(0, 3));
    const { value, grad } = tf.valueAndGrad((c) => {
      const perSample = make(name)(c as tf.Tensor2D, tf.tensor1d([1, -1, 2], 'int32'), context);
      return tf.sum(tf.mul(perSample, [0, 1, 0])) as tf.Scalar;
    })(cosines);
    expectClose(value, [0]);
    expectClose(grad, new Array(15).fill(0));
  });

  it.each(names)('%s goes on from its state, and from its seed', (name) => {
    const [c, t, context] = [tf.tensor2d(rows), tf.tensor1d(at, 'int32'), { norms: tf.tensor1d(norms) }];
    const step = (loss: Loss): number[] => [...tf.tidy(() => loss(c, t, context).dataSync())];
    const [first, again, resumed] = [make(name), make(name), make(name)];
    step(first);
    expect(step(again).every(Number.isFinite)).toBe(true);
    if (first.state) resumed.restore!(first.state());
    else expect(first.restore).toBeUndefined();
    const next = step(first);
    expect(step(again)).toEqual(next);
    expect(step(resumed)).toEqual(next);
  });

  it.each(names)('%s is the same in blocks of columns', (name) => {
    const { form } = make(name);
    if (!form) {
      expect(name).toMatch(/npc-face|uni-face|contrastive|triplet|multi-similarity|nt-xent/);
      return;
    }
    const [c, targets, context] = [tf.tensor2d(rows), tf.tensor1d(at, 'int32'), { norms: tf.tensor1d(norms) }];
    const terms = form.target(tf.tensor1d(owns), context);
    const sums = rows.map(() => 0);
    for (const [from, count] of [
      [0, 2],
      [2, 2],
      [4, 1],
    ] as const) {
      const part = tf.slice(c, [0, from], [rows.length, count]);
      const logits = typeof form.negative === 'number' ? tf.mul(part, form.negative) : form.negative(part, terms);
      (logits.arraySync() as number[][]).forEach((row, i) => {
        row.forEach((z, j) => {
          if (from + j !== at[i]) sums[i]! += Math.exp(z);
        });
      });
    }
    const negatives = tf.tensor1d(sums.map(Math.log));
    const inBlocks = form.combine?.(terms, negatives) ?? tf.softplus(tf.sub(negatives, terms.logit));
    expectClose(make(name)(c, targets, context), [...inBlocks.dataSync()], 1e-4);
  });

  it('filters other classes out of the softmax, not down to zero', () => {
    const loss = interClassFilter(cosFace({ scale: 10, margin: 0.2 }), { threshold: 0.4 });
    const c = tf.tensor2d([0.5, 0.45, 0.1, 0.9, 0.3, 0.2], [2, 3]);
    const expected = [Math.log(1 + Math.exp(1 - 3)), Math.log(1 + Math.exp(9 - 1))];
    expectClose(loss(c, tf.tensor1d([0, 1], 'int32')), [expected[0]!, Math.log(1 + Math.exp(2 - 1))], 1e-5);
    const grad = tf
      .grad((x) => tf.sum(loss(x as tf.Tensor2D, tf.tensor1d([0, 1], 'int32'))))(c)
      .arraySync();
    expect((grad as number[][])[0]![1]).toBe(0);
    expect((grad as number[][])[1]![0]).toBe(0);
    expect(() => interClassFilter(createLoss('npc-face') as SoftmaxLoss)).toThrow(
      'interClassFilter: loss is "npc-face", expected one with a `form`',
    );
  });

  it('meets the nearest of a class’s columns', () => {
    const loss = subCenter(normalizedSoftmax({ scale: 5 }), { centers: 2 });
    const c = tf.tensor2d([[0.1, 0.6, 0.3, -0.2]]);
    const expected = [Math.log(1 + Math.exp(5 * (0.3 - 0.6)))];
    for (const target of [0, 1]) expectClose(loss(c, tf.tensor1d([target], 'int32')), expected, 1e-5);
    const grad = tf
      .grad((x) => tf.sum(loss(x as tf.Tensor2D, tf.tensor1d([0], 'int32'))))(c)
      .dataSync();
    expect(Math.abs(grad[0]!) + Math.abs(grad[3]!)).toBe(0);
    expect(() => loss(tf.zeros([1, 3]), tf.tensor1d([0], 'int32'))).toThrow(
      'number of columns is 3, expected a multiple of 2',
    );
  });

  it('takes pairs of any kind, and those without a positive or negative', () => {
    const s = tf.tensor2d(rows);
    const positives = tf.tensor2d([
      [1, 1, 0, 0, 0],
      [0, 0, 0, 0, 0],
      [1, 1, 1, 1, 1],
      [0, 0, 1, 0, 0],
    ]);
    const negatives = tf.tensor2d([
      [0, 0, 1, 1, 0],
      [1, 1, 1, 1, 1],
      [0, 0, 0, 0, 0],
      [1, 1, 0, 1, 0],
    ]);
    for (const [name, makePairs] of Object.entries(pairLosses)) {
      const found = makePairs()(s, positives, negatives).dataSync();
      expect([...found].every(Number.isFinite), name).toBe(true);
      expect(leaked(() => makePairs()(s, positives, negatives).dispose())).toBe(0);
    }
    const multi = (row: number[], p: number[], n: number[]): number =>
      Math.log(1 + p.reduce((t, j) => t + Math.exp(-2 * (row[j]! - 0.5)), 0)) / 2 +
      Math.log(1 + n.reduce((t, j) => t + Math.exp(50 * (row[j]! - 0.5)), 0)) / 50;
    const found = pairLosses['multi-similarity']()(s, positives, negatives);
    expectClose(tf.slice(found, 0, 1), [multi(rows[0]!, [0, 1], [2, 3])], 1e-5);
    expectClose(tf.slice(pairLosses.triplet()(s, positives, negatives), 0, 1), [0.61 - 0.11 + 0.2], 1e-5);
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

  it('leaves no tensor behind', () => {
    const cosines = tf.tensor2d([0.3, -0.2, 0.1, 0.8], [2, 2]);
    const targets = tf.tensor1d([0, 1], 'int32');
    const context = { norms: tf.tensor1d([3, 4]) };
    for (const name of names) {
      const loss = make(name);
      expect(leaked(() => loss(cosines, targets, context).dispose())).toBe(0);
      const gradient = tf.grad((c) => tf.sum(loss(c as tf.Tensor2D, targets, context)));
      expect(leaked(() => gradient(cosines).dispose())).toBe(0);
    }
  });
});

describe('losses', () => {
  it('carry their name and scale', () => {
    const { name, scale } = arcFace({ scale: 30 });
    expect([name, scale]).toEqual(['arc-face', 30]);
    expect(createLoss('normalized-softmax').scale).toBe(64);
  });

  it('refuse what they cannot work with', () => {
    expect(() => createLoss('cos-fase' as LossName)).toThrow(
      /createLoss: name is "cos-fase", expected one of normalized-softmax, cos-face, .*\. Did you mean "cos-face"\?/,
    );
    expect(() => cosFace({ margin: -1 })).toThrow('cosFace: margin is -1, expected a number in [0, 2].');
    expect(() => arcFace({ margin: 4 })).toThrow('arcFace: margin is 4');
    expect(() => make('mag-face', { margin: 1 })).toThrow(
      'magFace: an option is "margin", expected one of scale, lengths, margins, regularizer. Did you mean "margins"?',
    );
    expect(() => magFace()(tf.zeros([1, 2]), tf.tensor1d([0], 'int32'))).toThrow('magFace: context is "missing"');
    expect(() => normalizedSoftmax({ scale: 0 })).toThrow('normalizedSoftmax: scale is 0');
    const cosines = tf.zeros<tf.Rank.R2>([2, 3]);
    expect(() => cosFace()(cosines, tf.tensor1d([0], 'int32'))).toThrow(
      'cos-face: shape of targets is [1], expected [2], one column for each row of cosines.',
    );
    expect(() => cosFace()(cosines, tf.tensor1d([0, 1]))).toThrow('dtype of targets is "float32", expected int32.');
    expect(() => cosFace()(tf.zeros([2]) as unknown as tf.Tensor2D, tf.tensor1d([0, 1], 'int32'))).toThrow(
      'shape of cosines',
    );
  });
});

describe('running statistics', () => {
  it.each([
    ['ada-face', losses['ada-face']],
    ['curricular-face', losses['curricular-face']],
  ] as const)('of %s do not keep a batch that is no number', (_, make) => {
    const loss = make();
    const evaluate = (value: number): number[] => {
      const cosines = tf.tensor2d([value, 0.1, 0.2, 0.3], [2, 2]);
      const norms = tf.tensor1d([value * 40, 20]);
      return tf.tidy(() => [...loss(cosines, tf.tensor1d([0, 1], 'int32'), { norms }).dataSync()]);
    };
    const before = evaluate(0.5);
    const state = loss.state!();
    evaluate(Number.NaN);
    expect(loss.state!()).toEqual(state);
    expect(evaluate(0.5).every(Number.isFinite)).toBe(true);
    expect(before.every(Number.isFinite)).toBe(true);
  });

  it('of another loss are refused', () => {
    expect(() => losses['elastic-arc-face']().restore!({ values: {}, tensors: {} })).toThrow('Random.restore');
  });
});
