export interface Point {
  readonly x: number;
  readonly y: number;
}

// Turning numbers into text would be a third of the work, and nearly all of them are of this range.
const TENTHS = Array.from({ length: 2048 }, (_, i) => String((i - 512) / 10));

/** One decimal, a tenth of a pixel at 112: the text is short, and the same on every machine. */
export function fixed(value: number): string {
  const tenths = Math.round(value * 10);
  return TENTHS[tenths + 512] ?? String(tenths / 10);
}

function pair(p: Point): string {
  return `${fixed(p.x)} ${fixed(p.y)}`;
}

/** Two decimals, for opacities and thin lines. */
export function share(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** Smooth curve through the points (Catmull-Rom as cubic Bezier). */
export function curve(points: readonly Point[], closed = false): string {
  const last = points.length - 1;
  const get = (i: number): Point =>
    closed ? points[(i + points.length) % points.length]! : points[Math.min(last, Math.max(0, i))]!;
  const first = { x: points[0]!.x + (get(1).x - get(-1).x) / 6, y: points[0]!.y + (get(1).y - get(-1).y) / 6 };
  let d = `M${pair(points[0]!)}C${pair(first)} `;
  // Tangents are shared by neighbours, so that each further piece can leave its first control point out.
  for (let i = 0; i < (closed ? points.length : last); i++) {
    const [from, to, after] = [get(i), get(i + 1), get(i + 2)];
    d += `${i ? 'S' : ''}${pair({ x: to.x - (after.x - from.x) / 6, y: to.y - (after.y - from.y) / 6 })} ${pair(to)}`;
  }
  return closed ? `${d}Z` : d;
}

/** Two open curves joined into one closed shape with corners where they meet; `back` runs from the end to the start. */
export function lens(there: readonly Point[], back: readonly Point[]): string {
  return `${curve(there)}${curve(back).replace('M', 'L')}Z`;
}

/** Open outline of bulges to the left of the way, as of curls: a bow from each point to the next. */
export function scallops(points: readonly Point[], bulge = 0.75): string {
  const bows = points.slice(1).map((to, i) => {
    const from = points[i]!;
    const top = {
      x: (from.x + to.x) / 2 + (to.y - from.y) * bulge,
      y: (from.y + to.y) / 2 - (to.x - from.x) * bulge,
    };
    return `Q${pair(top)} ${pair(to)}`;
  });
  return `M${pair(points[0]!)}${bows.join('')}`;
}

/** `tag('path', { d, fill })`; numbers are rounded, shares (opacity, widths) a little finer. */
export function tag(name: string, attributes: Readonly<Record<string, string | number>>): string {
  let text = `<${name}`;
  for (const [key, value] of Object.entries(attributes)) {
    const fine = key.endsWith('opacity') || key === 'stroke-width' || key === 'r';
    text += ` ${key}="${typeof value === 'string' ? value : fine ? share(value) : fixed(value)}"`;
  }
  return `${text}/>`;
}
