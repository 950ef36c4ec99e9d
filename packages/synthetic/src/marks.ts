import { Random } from '@protomem/core';
import { mix, multiply, rgb } from './colour.ts';
import type { Scene } from './scene.ts';
import { fixed, type Point, tag } from './svg.ts';

/** Freckles and moles, which stay where they are; drawn inside the face's clip. */
export function drawMarks(scene: Scene): string {
  const { person, skin, scale } = scene;
  const { marks } = person;
  const rng = new Random(marks.seed);
  // A round line of no length is a dot: many dots are one path.
  const dot = ({ x, y }: Point): string => `M${fixed(x)} ${fixed(y)}h0`;
  const count = marks.freckles ? Math.round(14 + marks.freckles * 22) : 0;
  const freckles = Array.from({ length: count }, () => scene.on(rng.normal(0, 15), 66 + rng.normal(0, 5.5)));
  const paths = [
    count &&
      tag('path', {
        d: freckles.map(dot).join(''),
        stroke: scene.paint(mix(skin.shade, rgb(0x9a5a30), 0.5)),
        'stroke-width': 0.95 * scale,
        'stroke-opacity': 0.5,
      }),
    ...marks.moles.map(({ x, y, radius }) =>
      tag('path', {
        d: dot(scene.on(x, y, 0.5)),
        stroke: scene.paint(multiply(skin.deep, [0.8, 0.75, 0.75])),
        'stroke-width': 2 * radius * scale,
        'stroke-opacity': 0.85,
      }),
    ),
  ].filter(Boolean);
  return paths.length ? `<g stroke-linecap="round">${paths.join('')}</g>` : '';
}
