import { mix, rgb, WHITE } from './colour.ts';
import { type Drawing, tag } from './drawing.ts';
import { curve, lens, type Point } from './path.ts';
import type { Scene } from './scene.ts';

export function drawNose(scene: Scene): Drawing {
  const { person, photo, skin, scale } = scene;
  const { nose, eyes } = person;
  const { light } = photo;
  const h = nose.height;
  const smile = Math.max(0, photo.expression.smile);
  const wide = nose.width * (1 + smile * 0.07);
  const tip = nose.tipY;
  const base = tip + 3.4 + nose.hook * 0.25;

  const on = (x: number, y: number, lift: number): Point => scene.on(x + nose.bend * ((y - 50) / 20), y, lift);
  const sides = [-1, 1] as const;
  const flanks = sides.map((side) => {
    // Darker on the side that the lamp does not see.
    const opacity = 0.34 + 0.5 * light.strength * Math.max(0, -side * light.x);
    return [
      scene.spot(on(side * (nose.bridge * 0.7 + 3), 57, h * 0.3), 4, 13, skin.deep, opacity),
      scene.spot(on(side * (nose.ball + 2.2), tip - 1.5, h * 0.35), 4.2, 4.5, skin.deep, opacity * 0.8),
    ];
  });
  const wings = sides.flatMap((side) =>
    curve([
      on(side * wide * 0.78, tip - 3.6, h * 0.45),
      on(side * wide * 1.02, tip - 0.6, h * 0.3),
      on(side * wide * 0.99, tip + 2.2, h * 0.25),
      on(side * wide * 0.74, base, h * 0.35),
    ]),
  );
  const holeHeight = 0.5 + nose.nostril * 0.55 + Math.max(0, photo.pitch) * 2;
  const holes = sides.flatMap((side) => {
    const x = nose.ball * 0.35 + wide * 0.32;
    const half = 1.2 + nose.nostril * 0.9;
    const at = (u: number, v: number): Point => on(side * (x + u * half), base - 0.9 + v * holeHeight, h * 0.5);
    return lens([at(-1, 0.3), at(0, -0.9), at(1, 0.4)], [at(1, 0.4), at(0, 0.9), at(-1, 0.3)]);
  });
  const under = lens(
    [
      on(-wide * 0.86, tip + 1.6, h * 0.3),
      on(-nose.ball * 0.8, tip + 2.2, h * 0.7),
      on(0, tip + 2.9 + nose.hook * 0.5, h * 0.85),
      on(nose.ball * 0.8, tip + 2.2, h * 0.7),
      on(wide * 0.86, tip + 1.6, h * 0.3),
    ],
    [on(wide * 0.8, base, h * 0.25), on(0, base + 1.4 + nose.hook * 0.4, h * 0.35), on(-wide * 0.8, base, h * 0.25)],
  );
  const cast = scene.spot(scene.on(-light.x * 4, base + 2.6), wide * 1.05, 4, skin.deep, 0.24 + 0.2 * light.strength);
  const ridge = lens(
    [on(-nose.bridge * 0.3 + light.x, eyes.y + 2, h * 0.4), on(-nose.bridge * 0.3 + light.x, tip - 4, h * 0.95)],
    [on(nose.bridge * 0.45 + light.x, tip - 4, h * 0.95), on(nose.bridge * 0.35 + light.x, eyes.y + 2, h * 0.4)],
  );
  return [
    cast,
    tag('path', { d: ridge, fill: scene.paint(skin.lit), 'fill-opacity': 0.38 }),
    scene.spot(on(0, tip, h), nose.ball * 1.25, nose.ball * 1.1, skin.pink, 0.2),
    tag('path', { d: under, fill: scene.paint(skin.deep), 'fill-opacity': 0.34 }),
    flanks,
    tag('path', {
      d: wings,
      fill: 'none',
      stroke: scene.paint(skin.deep),
      'stroke-width': 0.95 * scale,
      'stroke-linecap': 'round',
      'stroke-opacity': 0.5,
    }),
    tag('path', { d: holes, fill: scene.paint(mix(skin.deep, rgb(0x200a08), 0.6)), 'fill-opacity': 0.72 }),
    scene.spot(on(light.x * 1.3, tip - 1.4, h), nose.ball * 0.75, nose.ball * 0.6, WHITE, 0.16 + 0.24 * light.gloss),
  ];
}
