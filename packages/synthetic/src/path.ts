export interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * An outline: operations, each followed by coordinates in whole tenths of a unit, a tenth of a pixel at 112. So SVG text is
 * short, and text and pixels are made of the same numbers on every machine.
 */
export type Path = readonly number[];

/** What the numbers of a {@link Path} mean; coordinates that follow. */
export const ops = {
  /** x y */
  move: 0,
  /** x y */
  line: 1,
  /** x1 y1 x2 y2 x y: cubic Bezier. */
  cubic: 2,
  /** The same; the first control point mirrors the one before, so that text leaves it out. */
  smooth: 3,
  /** x1 y1 x y: quadratic Bezier. */
  quadratic: 4,
  close: 5,
  /** A line of no length: with round ends, a dot. */
  dot: 6,
} as const;

/** A length in tenths. */
export function tenths(value: number): number {
  return Math.round(value * 10);
}

/** Smooth curve through the points (Catmull-Rom as cubic Bezier). */
export function curve(points: readonly Point[], closed = false): number[] {
  const path: number[] = [];
  addCurve(path, points, closed, ops.move);
  return path;
}

function addCurve(path: number[], points: readonly Point[], closed: boolean, begin: number): void {
  const count = points.length;
  const last = count - 1;
  let from = points[0]!;
  let to = points[Math.min(1, last)]!;
  const previous = closed ? points[last]! : from;
  path.push(begin, tenths(from.x), tenths(from.y));
  let x1 = tenths(from.x + (to.x - previous.x) / 6);
  let y1 = tenths(from.y + (to.y - previous.y) / 6);
  // Tangents are shared by neighbours.
  for (let i = 0; i < (closed ? count : last); i++) {
    const after = points[closed ? (i + 2) % count : Math.min(last, i + 2)]!;
    const x2 = tenths(to.x - (after.x - from.x) / 6);
    const y2 = tenths(to.y - (after.y - from.y) / 6);
    const x = tenths(to.x);
    const y = tenths(to.y);
    path.push(i ? ops.smooth : ops.cubic, x1, y1, x2, y2, x, y);
    x1 = 2 * x - x2;
    y1 = 2 * y - y2;
    from = to;
    to = after;
  }
  if (closed) path.push(ops.close);
}

/** Closes an open outline by a curve from its end back to its start, with corners where they meet. */
export function shut(path: number[], back: readonly Point[]): number[] {
  addCurve(path, back, false, ops.line);
  path.push(ops.close);
  return path;
}

/** Two open curves joined into one closed shape; `back` runs from the end to the start. */
export function lens(there: readonly Point[], back: readonly Point[]): number[] {
  return shut(curve(there), back);
}

/** Open outline of bulges to the left of the way, as of curls: a bow from each point to the next. */
export function scallops(points: readonly Point[], bulge = 0.75): number[] {
  const path: number[] = [ops.move, tenths(points[0]!.x), tenths(points[0]!.y)];
  for (let i = 1; i < points.length; i++) {
    const [from, to] = [points[i - 1]!, points[i]!];
    const x = (from.x + to.x) / 2 + (to.y - from.y) * bulge;
    const y = (from.y + to.y) / 2 - (to.x - from.x) * bulge;
    path.push(ops.quadratic, tenths(x), tenths(y), tenths(to.x), tenths(to.y));
  }
  return path;
}

/** Dots where round line ends are drawn. */
export function dots(points: readonly Point[]): number[] {
  return points.flatMap(({ x, y }) => [ops.move, tenths(x), tenths(y), ops.dot]);
}
