/** Some neighbouring values of a curve as one point. */
export interface CurvePoint {
  readonly x: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Thins a long curve: neighbours are joined, and their mean and range are kept, so that the picture stays small and
 * no outlier is lost. Values that are not finite are dropped.
 */
export function thin(points: readonly { readonly x: number; readonly y: number }[], most = 160): CurvePoint[] {
  const finite = points.filter(({ y }) => Number.isFinite(y));
  const size = Math.max(1, Math.ceil(finite.length / most));
  const thinned: CurvePoint[] = [];
  for (let i = 0; i < finite.length; i += size) {
    const group = finite.slice(i, i + size);
    const values = group.map(({ y }) => y);
    thinned.push({
      x: group.reduce((sum, { x }) => sum + x, 0) / group.length,
      mean: values.reduce((a, b) => a + b) / group.length,
      low: Math.min(...values),
      high: Math.max(...values),
    });
  }
  return thinned;
}

/**
 * A ROC curve for a logarithmic axis that begins at `lowest`: the value there, then `perDecade` points a decade, each
 * with the TAR of the last corner at or before it (the curve is a staircase).
 */
export function logRoc(
  roc: { readonly far: readonly number[]; readonly tar: readonly number[] },
  lowest: number,
  perDecade = 60,
): { far: number; tar: number }[] {
  const decades = -Math.log10(lowest);
  const count = Math.max(1, Math.ceil(decades * perDecade));
  let corner = 0;
  return Array.from({ length: count + 1 }, (_, i) => {
    const far = i === count ? 1 : 10 ** (-decades * (1 - i / count));
    // The grid is rounded; a corner that lies on it belongs to it.
    while (corner + 1 < roc.far.length && roc.far[corner + 1]! <= far * (1 + 1e-9)) corner++;
    return { far, tar: roc.tar[corner]! };
  });
}
