import { mix, multiply, rgb } from './colour.ts';
import { type Drawing, type Fill, NOTHING, tag } from './drawing.ts';
import { mouthCorner } from './landmarks.ts';
import { curve, lens, type Point } from './path.ts';
import type { Scene } from './scene.ts';

/** Stubble and beard on the cheeks and the jaw; drawn inside the face's clip. */
export function drawStubble(scene: Scene): Drawing {
  const { person, photo, skin } = scene;
  const { beard, head, nose } = person;
  const growth = beard.stubble * photo.stubble * 0.42;
  if (growth < 0.03) return NOTHING;
  const w = head.width;
  const tone = mix(mix(beard.colour, skin.deep, 0.35), rgb(0x4a5560), 0.15);
  const d = lens(
    [
      scene.on(-w * 0.99, 66),
      scene.on(-w * 0.82, 82),
      scene.on(-w * 0.5, 85),
      scene.on(-nose.width * 1.3, 81.5),
      scene.on(0, 80.5),
      scene.on(nose.width * 1.3, 81.5),
      scene.on(w * 0.5, 85),
      scene.on(w * 0.82, 82),
      scene.on(w * 0.99, 66),
    ],
    [scene.off(w * 1.1, 100, 0), scene.off(0, 126, 10), scene.off(-w * 1.1, 100, 0)],
  );
  const fill = scene.radial(scene.on(0, 80), 48 * scene.scale, [
    [0, tone, growth * 0.7],
    [1, tone, Math.min(0.8, growth * 1.15)],
  ]);
  return tag('path', { d, fill });
}

/** Full beard, goatee and moustache; drawn over the face and under the mouth. */
export function drawBeard(scene: Scene): Drawing {
  const { person, photo } = scene;
  const { beard, head, mouth, nose } = person;
  const w = head.width;
  const corner = mouthCorner(person, photo);
  const drop = photo.expression.open * 3;
  const fill = (opacity: number): Fill =>
    scene.radial(scene.on(photo.light.x * 20, 80), 50 * scene.scale, [
      [0, mix(beard.colour, rgb(0xffffff), 0.07), opacity],
      [1, multiply(beard.colour, [0.62, 0.6, 0.6]), opacity],
    ]);
  const parts: Drawing[] = [];
  if (beard.full) {
    const grow = beard.full * 4 * (0.7 + 0.3 * photo.stubble);
    const low = (x: number, y: number, z: number): Point => scene.off(x, y + grow * 0.9 + drop, z);
    const jaw = w * head.jaw;
    const d = lens(
      [
        scene.off(-w * 0.985, 60, 2),
        scene.on(-w * 0.86, 76),
        scene.on(-w * 0.66, 86),
        scene.on(-corner.x - 3, corner.y - 2.5),
        scene.on(-corner.x * 0.75, corner.y + 4 + mouth.lower * 0.6 + drop),
        scene.on(0, mouth.y + mouth.lower + 3.4 + photo.expression.open * 7),
        scene.on(corner.x * 0.75, corner.y + 4 + mouth.lower * 0.6 + drop),
        scene.on(corner.x + 3, corner.y - 2.5),
        scene.on(w * 0.66, 86),
        scene.on(w * 0.86, 76),
        scene.off(w * 0.985, 60, 2),
      ],
      [
        scene.off(w + 0.4, 74, 0),
        scene.off(jaw + grow * 0.5, 92 + drop * 0.5, 6),
        low(w * (head.jaw * 0.5 + head.chin * 0.5) + 0.5, 101, 12),
        low(w * head.chin * 0.6, head.chinY, 19),
        low(-w * head.chin * 0.6, head.chinY, 19),
        low(-w * (head.jaw * 0.5 + head.chin * 0.5) - 0.5, 101, 12),
        scene.off(-jaw - grow * 0.5, 92 + drop * 0.5, 6),
        scene.off(-w - 0.4, 74, 0),
      ],
    );
    parts.push(tag('path', { d, fill: fill(0.6 + 0.35 * beard.full), stroke: fill(0.35), 'stroke-width': 1.4 }));
  }
  if (beard.goatee) {
    const y = mouth.y + mouth.lower + 3 + photo.expression.open * 7;
    const r = 8 + beard.goatee * 3;
    const d = curve(
      [
        scene.on(0, y),
        scene.on(r * 0.7, y + 1),
        scene.on(r, y + 6),
        scene.off(r * 0.7, head.chinY + 1 + drop, 20),
        scene.off(0, head.chinY + 2.5 + drop, 21),
        scene.off(-r * 0.7, head.chinY + 1 + drop, 20),
        scene.on(-r, y + 6),
        scene.on(-r * 0.7, y + 1),
      ],
      true,
    );
    parts.push(tag('path', { d, fill: fill(0.55 + 0.35 * beard.goatee) }));
  }
  if (beard.moustache) {
    const top = nose.tipY + 7.6;
    const lip = mouth.y - mouth.upper * 0.75 - Math.max(0, photo.expression.smile) * 0.4 - photo.expression.open * 1.6;
    const reach = corner.x * (0.86 + 0.2 * beard.moustache);
    const end = corner.y + (beard.full ? 3 : 0.5);
    const d = lens(
      [
        scene.on(-reach, end),
        scene.on(-reach * 0.82, lip - 2.6, 1),
        scene.on(-4, top + 0.6, 2),
        scene.on(0, top + 1.2, 2),
        scene.on(4, top + 0.6, 2),
        scene.on(reach * 0.82, lip - 2.6, 1),
        scene.on(reach, end),
      ],
      [
        scene.on(reach * 0.72, lip + 0.9, 1),
        scene.on(4, lip + 0.3, 2.5),
        scene.on(0, lip - 0.5, 2.5),
        scene.on(-4, lip + 0.3, 2.5),
        scene.on(-reach * 0.72, lip + 0.9, 1),
      ],
    );
    parts.push(tag('path', { d, fill: fill(0.6 + 0.35 * beard.moustache) }));
  }
  return parts;
}
