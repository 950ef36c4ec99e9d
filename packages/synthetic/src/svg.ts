import type { Clip, Drawing, Gradient } from './drawing.ts';
import { ops, type Path, tenths } from './path.ts';

// Turning numbers into text would be a third of the work, and nearly all of them are of this range.
const TENTHS = Array.from({ length: 2048 }, (_, i) => String((i - 512) / 10));

function tenthsText(value: number): string {
  return TENTHS[value + 512] ?? String(value / 10);
}

/** One decimal. */
export function fixed(value: number): string {
  return tenthsText(tenths(value));
}

/** Two decimals, for opacities and thin lines. */
function share(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function hex(colour: number): string {
  return `#${colour.toString(16).padStart(6, '0')}`;
}

/** Letter, and which of the coordinates that follow are written. */
const letters: Readonly<Record<number, readonly [letter: string, from: number, to: number]>> = {
  [ops.move]: ['M', 0, 2],
  [ops.line]: ['L', 0, 2],
  [ops.cubic]: ['C', 0, 6],
  [ops.smooth]: ['S', 2, 6],
  [ops.quadratic]: ['Q', 0, 4],
  [ops.close]: ['Z', 0, 0],
  [ops.dot]: ['h0', 0, 0],
};

function pathText(path: Path): string {
  let text = '';
  for (let i = 0; i < path.length; ) {
    const [letter, from, to] = letters[path[i++]!]!;
    text += letter;
    for (let k = from; k < to; k++) text += (k > from ? ' ' : '') + tenthsText(path[i + k]!);
    i += to;
  }
  return text;
}

function attributeText(key: string, value: unknown): string {
  if (key === 'd') return pathText(value as Path);
  if (typeof value === 'object') return `url(#d${(value as Gradient | Clip).id})`;
  if (typeof value !== 'number') return String(value);
  if (key === 'fill' || key === 'stroke') return hex(value);
  const fine = key.endsWith('opacity') || key === 'stroke-width' || key === 'r';
  return fine ? share(value) : fixed(value);
}

/** A drawing as SVG elements. */
export function svgText(drawing: Drawing): string {
  if (!('tag' in drawing)) return drawing.map(svgText).join('');
  let text = `<${drawing.tag}`;
  for (const [key, value] of Object.entries(drawing.attributes)) text += ` ${key}="${attributeText(key, value)}"`;
  return drawing.tag === 'g' ? `${text}>${svgText(drawing.inside)}</g>` : `${text}/>`;
}

/** A gradient or clip as an element of `defs`. */
export function definitionText(definition: Gradient | Clip): string {
  const { kind, id } = definition;
  if (kind === 'clip') return `<clipPath id="d${id}"><path d="${pathText(definition.path)}"/></clipPath>`;
  const places = definition.geometry.map(fixed);
  const [a, b, c, d] = places;
  const attributes = {
    linear: `x1="${a}" y1="${b}" x2="${c}" y2="${d}" gradientUnits="userSpaceOnUse"`,
    radial: `cx="${a}" cy="${b}" r="${c}" gradientUnits="userSpaceOnUse"`,
    fade: 'x2="0" y2="1"',
    glow: '',
  }[kind];
  const element = kind === 'linear' || kind === 'fade' ? 'linearGradient' : 'radialGradient';
  const stops = definition.stops.map(([offset, colour, opacity]) => {
    const veil = opacity < 1 ? ` stop-opacity="${share(opacity)}"` : '';
    return `<stop offset="${share(offset)}" stop-color="${hex(colour)}"${veil}/>`;
  });
  return `<${element} id="d${id}"${attributes && ` ${attributes}`}>${stops.join('')}</${element}>`;
}
