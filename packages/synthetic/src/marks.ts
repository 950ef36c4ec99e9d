import { Random } from '@protomem/core';
import { mix, multiply, rgb } from './colour.ts';
import { type Drawing, group, NOTHING, tag } from './drawing.ts';
import { dots } from './path.ts';
import type { Scene } from './scene.ts';

/** Freckles and moles, which stay where they are; drawn inside the face's clip. */
export function drawMarks(scene: Scene): Drawing {
  const { person, skin, scale } = scene;
  const { marks } = person;
  const rng = new Random(marks.seed);
  const count = marks.freckles ? Math.round(14 + marks.freckles * 22) : 0;
  const freckles = Array.from({ length: count }, () => scene.on(rng.normal(0, 15), 66 + rng.normal(0, 5.5)));
  const paths = marks.moles.map(({ x, y, radius }) =>
    tag('path', {
      d: dots([scene.on(x, y, 0.5)]),
      stroke: scene.paint(multiply(skin.deep, [0.8, 0.75, 0.75])),
      'stroke-width': 2 * radius * scale,
      'stroke-opacity': 0.85,
    }),
  );
  if (count > 0) {
    const look = {
      stroke: scene.paint(mix(skin.shade, rgb(0x9a5a30), 0.5)),
      'stroke-width': 0.95 * scale,
      'stroke-opacity': 0.5,
    };
    paths.unshift(tag('path', { d: dots(freckles), ...look }));
  }
  return paths.length > 0 ? group({ 'stroke-linecap': 'round' }, paths) : NOTHING;
}
