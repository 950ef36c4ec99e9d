import type { Path } from './path.ts';

/** Offset in 0 ... 1, colour as 0xrrggbb, opacity. */
export type PaintedStop = readonly [number, number, number];

/** A gradient, in the picture or in the box of what it fills. */
export interface Gradient {
  readonly id: number;
  /** `linear`: x1 y1 x2 y2; `radial`: x y r; `fade`, from the top of a shape to its bottom, and `glow`, from its middle to its border: none. */
  readonly kind: 'linear' | 'radial' | 'fade' | 'glow';
  readonly geometry: readonly number[];
  readonly stops: readonly PaintedStop[];
}

export interface Clip {
  readonly id: number;
  readonly kind: 'clip';
  readonly path: Path;
}

/** Colour as 0xrrggbb, gradient, nothing, or the white of glints, which no camera setting changes. */
export type Fill = number | Gradient | 'none' | '#fff';

/** Attributes of SVG by their names there. Lengths are in units of the 112 x 112 view. */
export interface Attributes {
  readonly d?: Path;
  readonly x?: number;
  readonly y?: number;
  readonly width?: number;
  readonly height?: number;
  readonly cx?: number;
  readonly cy?: number;
  readonly r?: number;
  readonly rx?: number;
  readonly ry?: number;
  readonly fill?: Fill;
  readonly 'fill-opacity'?: number;
  readonly 'fill-rule'?: 'evenodd';
  readonly stroke?: Fill;
  readonly 'stroke-width'?: number;
  readonly 'stroke-opacity'?: number;
  readonly 'stroke-linecap'?: 'round';
  readonly 'stroke-linejoin'?: 'round';
  readonly opacity?: number;
  readonly 'clip-path'?: Clip;
}

export interface Shape {
  readonly tag: 'path' | 'ellipse' | 'circle' | 'rect';
  readonly attributes: Attributes;
}

/** Shapes that share attributes: those of lines, or a clip. */
export interface Group {
  readonly tag: 'g';
  readonly attributes: Attributes;
  readonly inside: Drawing;
}

/** What is drawn, from the back to the front. Made into SVG text, or into pixels. */
export type Drawing = Shape | Group | readonly Drawing[];

export const NOTHING: readonly Drawing[] = [];

export function tag(name: Shape['tag'], attributes: Attributes): Shape {
  return { tag: name, attributes };
}

export function group(attributes: Attributes, inside: Drawing): Group {
  return { tag: 'g', attributes, inside };
}

export function isEmpty(drawing: Drawing): boolean {
  return Array.isArray(drawing) && drawing.every(isEmpty);
}
