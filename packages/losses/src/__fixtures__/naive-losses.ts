import { Random } from '@protomem/core';
import type { LossName } from '../losses.ts';

/** What a naive loss may look at besides the cosines. What carries no gradient is taken from `at`. */
interface Sample {
  readonly norm: number;
  /** All samples: place of this one, lengths, and cosines to their own classes. */
  readonly i: number;
  readonly norms: readonly number[];
  readonly owns: readonly number[];
  /** The row of cosines where nothing was moved. */
  readonly at: readonly number[];
}

export interface NaiveLoss {
  readonly name: LossName;
  readonly options: Readonly<Record<string, unknown>>;
  /** The loss of one sample: cosines, own column, the rest. */
  readonly loss: (c: readonly number[], y: number, sample: Sample) => number;
}

const S = 6;
const { cos, acos, sin, exp, log, max, min, PI, sqrt } = Math;

const softplus = (x: number): number => max(x, 0) + log(1 + exp(-Math.abs(x)));
const logSum = (xs: readonly number[]): number => {
  const top = max(...xs);
  return xs.length === 0 ? -1e30 : top + log(xs.reduce((sum, x) => sum + exp(x - top), 0));
};
const others = (c: readonly number[], y: number): number[] => c.filter((_, j) => j !== y);
const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / max(xs.length, 1);
const softmax = (target: number, rest: readonly number[]): number => softplus(logSum(rest) - target);

/** One sample's loss of logits `S target(c_y)` and `S negative(c_j)`. */
const scaled =
  (
    target: (own: number, sample: Sample, ownAt: number) => number,
    negative: (c: number, own: number, cAt: number, ownAt: number, sample: Sample) => number = (c) => c,
  ): NaiveLoss['loss'] =>
  (c, y, sample) => {
    const [own, ownAt] = [c[y]!, sample.at[y]!];
    const rest = c.flatMap((v, j) => (j === y ? [] : [S * negative(v, own, sample.at[j]!, ownAt, sample)]));
    return softmax(S * target(own, sample, ownAt), rest);
  };

const arc = (c: number, m: number): number => (c > -cos(m) ? cos(acos(c) + m) : c - m * sin(m));
const falling = (phi: number): number => (-1) ** Math.floor(phi / PI) * cos(phi) - 2 * Math.floor(phi / PI);
const draws = (m: number, deviation: number, seed: number, i: number): number => {
  const rng = new Random(seed);
  let value = 0;
  for (let k = 0; k <= i; k++) value = rng.normal(m, deviation);
  return value;
};

/** Every loss once more, in float64, one sample at a time, from its formula. */
export const naiveLosses: readonly NaiveLoss[] = [
  { name: 'normalizedSoftmax', options: { scale: S }, loss: scaled((c) => c) },
  { name: 'cosFace', options: { scale: S, margin: 0.3 }, loss: scaled((c) => c - 0.3) },
  { name: 'arcFace', options: { scale: S, margin: 0.7 }, loss: scaled((c) => arc(c, 0.7)) },
  {
    name: 'arcFace',
    options: { scale: S, margin: 0.7, easyMargin: true },
    loss: scaled((c) => (c > 0 ? cos(acos(c) + 0.7) : c)),
  },
  {
    name: 'combinedMargin',
    options: { scale: S, m1: 1.2, m2: 0.4, m3: 0.1 },
    loss: scaled((c) => falling(1.2 * acos(c) + 0.4) - 0.1),
  },
  { name: 'sphereFace', options: { scale: S, margin: 1.7 }, loss: scaled((c) => falling(1.7 * acos(c))) },
  {
    name: 'liArcFace',
    options: { scale: S, margin: 0.45 },
    loss: scaled(
      (c) => (PI - 2 * (acos(c) + 0.45)) / PI,
      (c) => (PI - 2 * acos(c)) / PI,
    ),
  },
  {
    name: 'circle',
    options: { scale: S, margin: 0.25 },
    loss: scaled(
      (c, _, at) => max(1.25 - at, 0) * (c - 0.75),
      (c, _, at) => max(at + 0.25, 0) * (c - 0.25),
    ),
  },
  {
    name: 'dSoftmax',
    options: { scale: S, goal: 0.8 },
    loss: (c, y) => softplus(S * 0.8 - S * c[y]!) + softplus(logSum(others(c, y).map((v) => S * v))),
  },
  {
    name: 'mvSoftmax',
    options: { scale: S, margin: 0.3, weight: 1.3 },
    loss: scaled(
      (c) => c - 0.3,
      (c, _, at, own) => (at > own - 0.3 ? 1.3 * c + 0.3 : c),
    ),
  },
  {
    name: 'mvSoftmax',
    options: { scale: S, margin: 0.5, kind: 'arc', weight: 1.3 },
    loss: scaled(
      (c) => arc(c, 0.5),
      (c, _, at, own) => (at > arc(own, 0.5) ? 1.3 * c + 0.3 : c),
    ),
  },
  {
    name: 'curricularFace',
    options: { scale: S, margin: 0.5, momentum: 0.3 },
    loss: scaled(
      (c) => arc(c, 0.5),
      (c, _, at, own, { owns }) => (at > cos(acos(own) + 0.5) ? c * (0.3 * mean(owns) + c) : c),
    ),
  },
  {
    name: 'arcNegFace',
    options: { scale: S, margin: 0.5, weight: 1.2, width: 2 },
    loss: scaled(
      (c) => arc(c, 0.5),
      (c, own) => {
        const w = 1.2 * exp(-((c - arc(own, 0.5)) ** 2) / 2);
        return w * c + w - 1;
      },
    ),
  },
  {
    name: 'npcFace',
    options: { scale: S, margin: 0.4, growth: 0.3, weight: 1.1, shift: 0.2 },
    loss: (c, y, { at }) => {
      const hard = at.map((v, j) => j !== y && v > cos(acos(at[y]!) + 0.4));
      const m = 0.4 + 0.3 * mean(at.filter((_, j) => hard[j]));
      const rest = c.flatMap((v, j) => (j === y ? [] : [S * (hard[j] ? 1.1 * v + 0.2 : v)]));
      return softmax(S * arc(c[y]!, m), rest);
    },
  },
  {
    name: 'uniFace',
    options: { scale: S, margin: 0.4, weight: 0.7 },
    loss: (c, y) => {
      const b = log(10 * c.length);
      return softplus(b - S * (c[y]! - 0.4)) + 0.7 * others(c, y).reduce((total, v) => total + softplus(S * v - b), 0);
    },
  },
  {
    name: 'adaFace',
    options: { scale: S, margin: 0.4, concentration: 0.5, momentum: 0.6 },
    loss: scaled((c, { i, norms }) => {
      const lengths = norms.map((v) => min(max(v, 0.001), 100));
      const average = mean(lengths);
      const spread = sqrt(lengths.reduce((sum, v) => sum + (v - average) ** 2, 0) / (lengths.length - 1));
      const [mu, sd] = [0.6 * average + 0.4 * 20, 0.6 * spread + 0.4 * 100];
      const g = min(max((0.5 * (lengths[i]! - mu)) / (sd + 1e-3), -1), 1);
      const angle = min(max(acos(c) - 0.4 * g, 1e-3), PI - 1e-3);
      return cos(angle) - (0.4 + 0.4 * g);
    }),
  },
  {
    name: 'magFace',
    options: { scale: S, lengths: [1, 8], margins: [0.2, 0.7], regularizer: 3 },
    loss: (c, y, sample) => {
      const a = min(max(sample.norm, 1), 8);
      const m = 0.2 + (0.5 * (a - 1)) / 7;
      return scaled((own) => arc(own, m))(c, y, sample) + 3 * (a / 64 + 1 / a);
    },
  },
  {
    name: 'elasticArcFace',
    options: { scale: S, margin: 0.5, deviation: 0.1, seed: 3 },
    loss: scaled((c, { i }) => arc(c, draws(0.5, 0.1, 3, i))),
  },
  {
    name: 'elasticCosFace',
    options: { scale: S, margin: 0.35, deviation: 0.1, seed: 4 },
    loss: scaled((c, { i }) => c - draws(0.35, 0.1, 4, i)),
  },
  {
    name: 'contrastive',
    options: { positiveMargin: 0.9, negativeMargin: 0.1 },
    loss: (c, y) =>
      max(0.9 - c[y]!, 0) + mean(others(c, y).filter((v) => v > 0.1)) - (others(c, y).some((v) => v > 0.1) ? 0.1 : 0),
  },
  { name: 'triplet', options: { margin: 0.4 }, loss: (c, y) => max(max(...others(c, y)) - c[y]! + 0.4, 0) },
  {
    name: 'multiSimilarity',
    options: { alpha: 2, beta: 10, base: 0.3 },
    loss: (c, y) =>
      log(1 + exp(-2 * (c[y]! - 0.3))) / 2 +
      log(1 + others(c, y).reduce((total, v) => total + exp(10 * (v - 0.3)), 0)) / 10,
  },
  {
    name: 'ntXent',
    options: { temperature: 0.3 },
    loss: (c, y) =>
      softmax(
        c[y]! / 0.3,
        others(c, y).map((v) => v / 0.3),
      ),
  },
  {
    name: 'supervisedContrastive',
    options: { temperature: 0.3 },
    loss: (c, y) => logSum(c.map((v) => v / 0.3)) - c[y]! / 0.3,
  },
];
