import { check, ProtomemError } from '@protomem/core';

/** x to the right and y downwards, pixels; whole numbers lie at the centres of pixels. */
export type Point = readonly [x: number, y: number];

/**
 * A turn, a uniform scale and a shift, without reflection: `x' = a x - b y + tx`, `y' = b x + a y + ty`.
 * The scale is `hypot(a, b)`, the angle `atan2(b, a)`.
 */
export interface Similarity {
  readonly a: number;
  readonly b: number;
  readonly tx: number;
  readonly ty: number;
}

/**
 * The similarity transform that carries `from` to `to` with the least sum of squared distances.
 *
 * With points as complex numbers about their means, `to ~ z from` has the minimum `z = sum(conj(from) to) / sum(|from|^2)`.
 * In the plane this is Umeyama's solution: his singular value decomposition finds the same turn, and his correction of
 * signs excludes the reflections that a complex factor cannot make.
 *
 * @param from two points or more, not all in one place.
 * @param to as many points.
 * @throws {ProtomemError} when counts differ, a coordinate is not finite, or all points of a side coincide.
 *
 * Source: S. Umeyama, Least-squares estimation of transformation parameters between two point patterns, PAMI 13(4), 1991.
 *
 * @example
 * ```ts
 * estimateSimilarity([[0, 0], [1, 0]], [[5, 5], [5, 7]]); // { a: 0, b: 2, tx: 5, ty: 5 }
 * ```
 */
export function estimateSimilarity(from: readonly Point[], to: readonly Point[]): Similarity {
  const where = 'estimateSimilarity';
  check(from.length === to.length && from.length >= 2, () => ({
    where,
    what: 'the number of points',
    got: [from.length, to.length],
    expected: 'equal on both sides and at least 2',
  }));
  const source = centre(from);
  const target = centre(to);
  for (const [what, { points, spread }] of Object.entries({ from: source, to: target })) {
    if (Number.isFinite(spread) && spread > 0) continue;
    const got = points.map(String).join(' ');
    throw new ProtomemError({ where, what, got, expected: 'finite points that do not all coincide' });
  }
  let a = 0;
  let b = 0;
  for (let i = 0; i < from.length; i++) {
    const [x, y] = source.offsets[i]!;
    const [u, v] = target.offsets[i]!;
    a += x * u + y * v;
    b += x * v - y * u;
  }
  a /= source.spread;
  b /= source.spread;
  const [x, y] = source.mean;
  const [u, v] = target.mean;
  return { a, b, tx: u - a * x + b * y, ty: v - b * x - a * y };
}

/** Where a transform carries a point. */
export function transformPoint({ a, b, tx, ty }: Similarity, [x, y]: Point): Point {
  return [a * x - b * y + tx, b * x + a * y + ty];
}

/** The transform back; the scale must not be 0. */
export function invertSimilarity({ a, b, tx, ty }: Similarity): Similarity {
  const square = a * a + b * b;
  const [c, d] = [a / square, -b / square];
  return { a: c, b: d, tx: -c * tx + d * ty, ty: -d * tx - c * ty };
}

/** Root mean square distance between the carried points `from` and `to`. */
export function fitError(transform: Similarity, from: readonly Point[], to: readonly Point[]): number {
  const squares = from.map((point, i) => {
    const [x, y] = transformPoint(transform, point);
    return (x - to[i]![0]) ** 2 + (y - to[i]![1]) ** 2;
  });
  return Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / from.length);
}

function centre(points: readonly Point[]) {
  const mean: Point = [0, 1].map((k) => points.reduce((sum, point) => sum + point[k]!, 0) / points.length) as never;
  const offsets = points.map(([x, y]): Point => [x - mean[0], y - mean[1]]);
  // Rounding of a mean leaves a trace of spread to points in one place.
  const exact = offsets.reduce((sum, [x, y]) => sum + x * x + y * y, 0);
  const rounding = points.length * (1e-12 * Math.max(1, Math.abs(mean[0]), Math.abs(mean[1]))) ** 2;
  return { points, mean, offsets, spread: exact > rounding ? exact : exact * 0 };
}
