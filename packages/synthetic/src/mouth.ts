import { clamp, mix, multiply, rgb, WHITE } from './colour.ts';
import { type Drawing, group, NOTHING, tag } from './drawing.ts';
import { mouthCorner } from './landmarks.ts';
import { curve, lens, type Point } from './path.ts';
import type { Scene } from './scene.ts';

export function drawMouth(scene: Scene): Drawing {
  const { person, photo, skin, scale } = scene;
  const { mouth } = person;
  const { open } = photo.expression;
  const smile = photo.expression.smile;
  const corner = mouthCorner(person, photo);
  const w = corner.x;
  const thin = 1 - 0.2 * Math.max(0, smile);
  // A broad smile shows teeth even when the jaw is shut.
  const gap = Math.max(open * 7.5, clamp((smile - 0.45) * 6, 0, 3.2));
  const y = mouth.y + smile * 0.8 - gap * 0.25;
  const up = mouth.upper * thin;
  const low = mouth.lower * thin;
  const on = (x: number, py: number, lift = 1.5): Point => scene.on(x, py, lift);
  /** Symmetric curve from corner to corner through (x, y) of the right half, the middle last. */
  const arc = (half: readonly (readonly [number, number])[], middle: number): Point[] => [
    on(-w, corner.y, 0),
    ...half.map(([x, py]) => on(-w * x, py)),
    on(0, middle, 2.5),
    ...[...half].reverse().map(([x, py]) => on(w * x, py)),
    on(w, corner.y, 0),
  ];
  const sag = corner.y - y;
  const top = arc(
    [
      [0.58, y - up * 0.6 + sag * 0.3],
      [0.2, y - up],
    ],
    y - up * (1 - 0.42 * mouth.bow),
  );
  const seam = arc(
    [
      [0.55, y + sag * 0.28 + 0.3],
      [0.2, y + 0.15],
    ],
    y + 0.55,
  );
  const inner = arc(
    [
      [0.55, y + gap * 0.72 + sag * 0.2 + 0.35],
      [0.2, y + gap * 0.98 + 0.25],
    ],
    y + gap + 0.6,
  );
  const bottom = arc(
    [
      [0.6, y + gap * 0.75 + low * 0.62 + sag * 0.2],
      [0.24, y + gap + low * 0.98],
    ],
    y + gap + low,
  );

  const painted = photo.makeup < person.makeup;
  const lip = painted ? mix(mouth.colour, multiply(person.lipstick, [0.95, 0.9, 0.9]), 0.7) : mouth.colour;
  const dark = multiply(lip, [0.8, 0.72, 0.72]);
  const line = scene.paint(multiply(lip, [0.42, 0.3, 0.3]));
  const parts: Drawing[] = [
    scene.spot(scene.on(0, y + gap + low + 2.6), w * 0.62, 2.6, skin.deep, 0.3),
    scene.spot(scene.on(0, y - up - 2.6), 2, 4, skin.deep, 0.18),
  ];
  if (gap > 0.6) {
    const shape = lens(seam, [...inner].reverse());
    const teeth = Math.min(gap * 0.8 + 0.4, 4.2);
    const enamel = multiply(mix(WHITE, rgb(0xe8d8b8), 0.35), [0.95, 0.94, 0.93]);
    const edge = arc(
      [
        [0.5, y + teeth * 0.7 + sag * 0.25],
        [0.2, y + teeth],
      ],
      y + teeth + 0.2,
    );
    const clip = scene.clip(shape);
    const inside = [
      tag('path', { d: shape, fill: scene.paint(rgb(0x3b1413)) }),
      gap > 3.4 ? scene.spot(scene.on(0, y + gap + 0.5, 1), w * 0.5, 2.8, rgb(0xb5525a), 0.95) : NOTHING,
      tag('path', {
        d: lens(
          arc(
            [
              [0.6, y - 1],
              [0.2, y - 1],
            ],
            y - 1,
          ),
          [...edge].reverse(),
        ),
        fill: scene.paint(enamel),
      }),
      mouth.gap
        ? tag('path', {
            d: curve([on(0, y, 2.5), on(0, y + teeth, 2.5)]),
            stroke: line,
            'stroke-width': 0.7 * mouth.gap,
          })
        : NOTHING,
    ];
    parts.push(group({ 'clip-path': clip }, inside));
  }
  const fill = scene.fade([
    [0.3, mix(lip, dark, 0.25)],
    [1, mix(lip, skin.base, painted ? 0.08 : 0.3)],
  ]);
  parts.push(
    tag('path', { d: lens(top, [...seam].reverse()), fill: scene.paint(mix(dark, lip, 0.35)) }),
    tag('path', { d: lens(inner, [...bottom].reverse()), fill }),
    tag('path', {
      d: curve(seam),
      fill: 'none',
      stroke: line,
      'stroke-width': 0.75 * scale,
      'stroke-linecap': 'round',
      'stroke-opacity': 0.75,
    }),
    scene.spot(
      on(photo.light.x * 2.5, y + gap + low * 0.45, 2.5),
      w * 0.34,
      low * 0.32,
      WHITE,
      0.22 + 0.3 * photo.light.gloss * (painted ? 1 : 0.6),
    ),
  );
  return parts;
}
