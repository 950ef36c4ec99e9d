import { type Drawing, group, isEmpty, NOTHING, tag } from './drawing.ts';
import { mouthCorner } from './landmarks.ts';
import { curve, type Point } from './path.ts';
import type { Scene } from './scene.ts';

/** Folds and wrinkles that come with age and with smiles; drawn inside the face's clip. */
export function drawFolds(scene: Scene): Drawing {
  const { person, photo, skin, scale } = scene;
  const { nose, marks, eyes } = person;
  const { brows, frown } = photo.expression;
  const smile = Math.max(0, photo.expression.smile);
  const old = marks.wrinkles;
  const corner = mouthCorner(person, photo);
  const side = eyes.x + eyes.width;
  /** The lines on both sides of the face as one path. */
  const lines = (
    places: readonly (readonly (readonly [number, number])[])[],
    width: number,
    opacity: number,
  ): Drawing => {
    if (opacity < 0.04) return NOTHING;
    const trace = (sign: number, line: readonly (readonly [number, number])[]): Point[] =>
      line.map(([x, y]) => scene.on(sign * x, y, 0.5));
    const d = places.flatMap((line) => [...curve(trace(-1, line)), ...curve(trace(1, line))]);
    return tag('path', { d, 'stroke-width': width * scale, 'stroke-opacity': Math.min(0.7, opacity) });
  };
  const cheek = lines(
    [
      [
        [nose.width + 1.8, nose.tipY + 0.5],
        [nose.width + 5.2, nose.tipY + 4.5],
        [corner.x + 3.4, corner.y - 8],
        [corner.x + 3.8, corner.y - 4 + 2 * old],
      ],
    ],
    1.7,
    0.02 + 0.17 * old + 0.15 * smile,
  );
  const dimples = lines(
    [
      [
        [corner.x + 2.2, corner.y - 1.6],
        [corner.x + 2.8, corner.y + 0.6],
      ],
    ],
    1.1,
    0.1 * smile + 0.5 * marks.dimples * smile,
  );
  const chin = lines(
    [
      [
        [corner.x + 1, corner.y + 1.5],
        [corner.x + 1.5, corner.y + 8],
      ],
    ],
    0.8,
    0.22 * old,
  );
  const crowsFeet = lines(
    [-1, 0, 1].map((k) => [
      [side + 2.2, eyes.y + k * 1.5],
      [side + 6, eyes.y - 0.8 + k * 3.2],
    ]),
    0.7,
    (0.3 * smile + 0.16) * old,
  );
  const forehead = lines(
    [23, 28, 33].map((y, k) => [
      [0, y],
      [7, y - 0.5],
      [17 - k * 2, y + 1.1],
    ]),
    0.8,
    (0.17 + 0.25 * Math.max(0, brows)) * old,
  );
  const between = lines(
    [
      [
        [2.6, 42],
        [2.2, 47],
      ],
    ],
    0.9,
    frown * 0.4 + 0.15 * old,
  );
  const all = [cheek, dimples, chin, crowsFeet, forehead, between];
  return isEmpty(all)
    ? NOTHING
    : group({ fill: 'none', stroke: scene.paint(skin.deep), 'stroke-linecap': 'round' }, all);
}
