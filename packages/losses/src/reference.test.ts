import { Random } from '@protomem/core';
import type { CosineLoss } from '@protomem/core/contracts';
import { enginesAtHand, useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import json from '../fixtures/reference.json' with { type: 'json' };
import {
  arcFace,
  cosFace,
  createLoss,
  interClassFilter,
  type LossName,
  losses,
  type PairLoss,
  pairLosses,
  subCenter,
} from './index.ts';

interface Input {
  readonly cosines: number[][];
  readonly targets: number[];
  readonly norms: number[];
  /** What a normal distribution gave for each sample: deviations from the mean. */
  readonly draws: number[];
}
interface Expected {
  readonly loss: string;
  readonly options: Record<string, unknown>;
  readonly losses: number[];
  /** Of the losses weighed with 1, 2, ...; null where the formula has no bound or no value. */
  readonly gradient: (number | null)[];
}
interface Case extends Expected {
  readonly input: string;
  /** The input that a loss with state has seen before. */
  readonly after?: string;
  /** Losses of PyTorch and pytorch-metric-learning that gave the same when the file was made. */
  readonly peers: string[];
  readonly toNorms?: number[];
}
interface Reference {
  readonly inputs: Record<string, Input>;
  readonly cases: Case[];
  /** The same losses as well-known code has them. */
  readonly variants: (Expected & { readonly input: string })[];
  readonly pairs: { similarities: number[][]; positives: number[][]; negatives: number[][]; cases: Expected[] };
  readonly batch: { embeddings: number[][]; labels: number[]; cases: Expected[] };
}

const reference = json as unknown as Reference;
const wrappers = ['interClassFilter', 'subCenter'];
const names = [...Object.keys(losses), ...wrappers];
const pairNames = Object.keys(pairLosses) as (keyof typeof pairLosses)[];

function make({ loss, options }: Expected): CosineLoss {
  const { of, ...rest } = options as { of?: object };
  if (loss === 'interClassFilter') return interClassFilter(cosFace(of), rest);
  if (loss === 'subCenter') return subCenter(arcFace(of), rest);
  return createLoss(loss as LossName, options as never);
}

/**
 * Where well-known code differs by definition, and the samples for which it does not: cosines, own column, place.
 * `slope` says that its values are those of the formula, but not its gradient.
 */
const differences: Record<
  string,
  { who: string; slope?: boolean; same: (c: number[], y: number, i: number) => boolean }
> = {
  'arc-face': {
    who: 'InsightFace: outside of autograd, no fallback',
    slope: true,
    same: (c, y) => c[y]! > -Math.cos(0.5),
  },
  'mv-softmax': { who: 'FaceX-Zoo: a margin where it fits', same: (c, y) => c[y]! > 0.35 },
  'arc-neg-face': { who: 'copies: weights without a gradient', slope: true, same: () => true },
  'npc-face': { who: 'FaceX-Zoo: a margin below 90 degrees', same: (c, y) => c[y]! > 0 },
  'mag-face': { who: 'the authors: a margin below 90 degrees', same: (c, y) => c[y]! > 0 },
  'elastic-arc-face': { who: 'the authors: no fallback', same: (c, y) => c[y]! > -Math.cos(0.45) },
  'ada-face': { who: 'the authors: cosines within 0.999', same: (c) => c.every((v) => Math.abs(v) <= 0.999) },
  'uni-face': {
    who: 'the authors: logits within the scale',
    same: (c, y) => c.every((v, j) => Math.abs(64 * (v - (j === y ? 0.4 : 0)) - Math.log(10 * c.length)) <= 64),
  },
  interClassFilter: {
    who: 'InsightFace: filtered classes count as right angles',
    same: (c, y) => c.every((v, j) => j === y || v <= 0.4),
  },
};

const title = ({ loss, options }: Expected, input: string): string => `${loss} ${JSON.stringify(options)}, ${input}`;

/** Float32 tells logits around 1e4 apart by 1e-3, and so the losses, and the shares that gradients are made of. */
const isHuge = ({ options }: Expected): boolean => Object.values(options).some((v) => v === 1e4 || v === 1e-4);

/** Values of each sample in turn, so that a large number in one does not excuse the next. */
function expectAgreement(
  what: string,
  found: ArrayLike<number>,
  wanted: readonly (number | null)[],
  tolerance: number,
  samples: number,
): void {
  const columns = wanted.length / samples;
  expect(found.length, what).toBe(wanted.length);
  for (let i = 0; i < samples; i++) {
    const row = Array.from(found).slice(i * columns, (i + 1) * columns);
    const target = wanted.slice(i * columns, (i + 1) * columns);
    if (!agrees(row, target, tolerance)) {
      throw new Error(`${what}, sample ${i}: [${row}], expected [${target}] within ${tolerance}`);
    }
  }
}

/** Whether all are finite, and those that are known are close. */
function agrees(row: readonly number[], target: readonly (number | null)[], tolerance: number): boolean {
  const scale = Math.max(1, ...target.map((v) => Math.abs(v ?? 0)));
  return row.every(
    (v, j) => Number.isFinite(v) && (target[j] === null || Math.abs(v - target[j]!) <= tolerance * scale),
  );
}

interface Found {
  readonly values: ArrayLike<number>;
  readonly toCosines: ArrayLike<number>;
  readonly toNorms: ArrayLike<number>;
}

function evaluate(loss: CosineLoss, { cosines, targets, norms, draws }: Input): Found {
  const rest = [...draws];
  vi.spyOn(Random.prototype, 'normal').mockImplementation((mean = 0, std = 1) => mean + std * rest.shift()!);
  const at = tf.tensor1d(targets, 'int32');
  let values: ArrayLike<number> = [];
  const { grads } = tf.valueAndGrads((c, n) => {
    const perSample = loss(c as tf.Tensor2D, at, { norms: n as tf.Tensor1D });
    values = perSample.dataSync();
    // tfjs would not allow a loss that does not look at the lengths.
    return tf.add(tf.sum(tf.mul(perSample, tf.range(1, targets.length + 1))), tf.mul(tf.sum(n!), 0)) as tf.Scalar;
  })([tf.tensor2d(cosines), tf.tensor1d(norms)]);
  return { values, toCosines: grads[0]!.dataSync(), toNorms: grads[1]!.dataSync() };
}

function checkCase(expected: Case): void {
  const loss = make(expected);
  if (expected.after) evaluate(loss, reference.inputs[expected.after]!);
  const input = reference.inputs[expected.input]!;
  const { values, toCosines, toNorms } = evaluate(loss, input);
  const what = title(expected, expected.input);
  const samples = input.targets.length;
  expectAgreement(`loss of ${what}`, values, expected.losses, isHuge(expected) ? 1e-3 : 1e-5, samples);
  expectAgreement(`gradient of ${what}`, toCosines, expected.gradient, isHuge(expected) ? 1e-3 : 1e-4, samples);
  const none = input.norms.map(() => 0);
  expectAgreement(`gradient to lengths of ${what}`, toNorms, expected.toNorms ?? none, 1e-4, samples);
}

/** How many samples differ from the variant; throws when one does that should not. */
function countDifferent(expected: Reference['variants'][number]): number {
  const input = reference.inputs[expected.input]!;
  const { values, toCosines } = evaluate(make(expected), input);
  const { slope, same } = differences[expected.loss]!;
  const different = input.cosines.filter((row, i) => {
    const value = agrees([values[i]!], [expected.losses[i]!], 1e-5);
    const at = [i * row.length, (i + 1) * row.length] as const;
    const gradient = agrees(Array.from(toCosines).slice(...at), expected.gradient.slice(...at), 1e-4);
    if (same(row, input.targets[i]!, i)) {
      expect(value && (slope || gradient), `${title(expected, expected.input)}, sample ${i}`).toBe(true);
    }
    return !(value && gradient);
  });
  return different.length;
}

function checkPairs(expected: Expected): void {
  const { similarities, positives, negatives } = reference.pairs;
  const loss = pairLosses[expected.loss as keyof typeof pairLosses](expected.options) as PairLoss;
  const of = (s: tf.Tensor): tf.Tensor1D => loss(s as tf.Tensor2D, tf.tensor2d(positives), tf.tensor2d(negatives));
  const s = tf.tensor2d(similarities);
  const toPairs = tf.grad((x) => tf.sum(tf.mul(of(x), tf.range(1, similarities.length + 1))))(s);
  const samples = similarities.length;
  expectAgreement(title(expected, 'pairs'), of(s).dataSync(), expected.losses, 1e-5, samples);
  expectAgreement(title(expected, 'pairs, gradient'), toPairs.dataSync(), expected.gradient, 1e-4, samples);
}

function checkBatch(expected: Expected): void {
  const { embeddings, labels } = reference.batch;
  const loss = pairLosses[expected.loss as keyof typeof pairLosses](expected.options) as PairLoss;
  const same = tf.tensor2d(labels.map((a, i) => labels.map((b, j) => (a === b && i !== j ? 1 : 0))));
  const other = tf.tensor2d(labels.map((a) => labels.map((b) => (a === b ? 0 : 1))));
  const of = (x: tf.Tensor): tf.Tensor1D => {
    const unit: tf.Tensor2D = tf.div(x, tf.norm(x, 2, 1, true));
    return loss(tf.matMul(unit, unit, false, true), same, other);
  };
  const x = tf.tensor2d(embeddings);
  const toEmbeddings = tf.grad((e) => tf.sum(tf.mul(of(e), tf.range(1, labels.length + 1))))(x);
  const samples = labels.length;
  expectAgreement(title(expected, 'batch'), of(x).dataSync(), expected.losses, 1e-5, samples);
  expectAgreement(title(expected, 'batch, gradient'), toEmbeddings.dataSync(), expected.gradient, 1e-4, samples);
}

describe.each(await enginesAtHand())('losses beside PyTorch in float64, on %s', (engine) => {
  beforeAll(() => useEngine(engine));
  afterEach(() => vi.restoreAllMocks());

  it.each(names)('%s: values and gradients', (name) => {
    const cases = reference.cases.filter(({ loss }) => loss === name);
    for (const one of cases) tf.tidy(() => checkCase(one));
    const inputs = new Set(cases.map(({ input }) => input));
    expect([...inputs]).toEqual(
      Object.keys(reference.inputs).filter((input) => name !== 'subCenter' || inputs.has(input)),
    );
    const options = wrappers.includes(name) ? [] : Object.keys(losses[name as LossName].options);
    const scaled = ['scale', 'alpha', 'temperature'].some((option) => options.includes(option));
    expect(cases.some(isHuge)).toBe(scaled);
  });

  it.each(Object.entries(differences).map(([name, { who }]) => [name, who]))(
    '%s differs where it should from %s',
    (name) => {
      const variants = reference.variants.filter(({ loss }) => loss === name);
      const counts = variants.map((one) => tf.tidy(() => countDifferent(one)));
      expect(Math.max(...counts)).toBeGreaterThan(0);
    },
  );

  it.each(pairNames)('%s: pairs of any kind', (name) => {
    const cases = reference.pairs.cases.filter(({ loss }) => loss === name);
    expect(cases.length).toBeGreaterThan(1);
    for (const one of cases) tf.tidy(() => checkPairs(one));
  });

  it.each(pairNames)('%s: a batch with itself, to its embeddings', (name) => {
    const cases = reference.batch.cases.filter(({ loss }) => loss === name);
    expect(cases.length).toBeGreaterThan(1);
    for (const one of cases) tf.tidy(() => checkBatch(one));
  });
});
