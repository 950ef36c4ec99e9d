import { BLACK, mix, multiply, rgb, WHITE } from './colour.ts';
import { type Drawing, type Fill, group, tag } from './drawing.ts';
import { curve, lens, type Path, type Point } from './path.ts';
import type { Scene } from './scene.ts';

export function drawEyes(scene: Scene): Drawing {
  const { person, photo, skin, scale } = scene;
  const { eyes } = person;
  const [left, right] = [trace(scene, -1), trace(scene, 1)];
  const both = (part: 'shape' | 'lid' | 'fold' | 'lower' | 'lash' | 'pouch'): Path => [...left[part], ...right[part]];
  const made = isMadeUp(scene);

  // Gradients in units of the shape: both eyes share them.
  const dim = mix(WHITE, skin.shade, 0.12 + 0.1 * person.marks.wrinkles);
  const white = scene.fade([
    [0, multiply(dim, [0.68, 0.66, 0.68])],
    [0.5, dim],
  ]);
  const iris = scene.glow([
    [0.4, mix(eyes.iris, WHITE, 0.06)],
    [1, multiply(eyes.iris, [0.42, 0.42, 0.45])],
  ]);
  const r = eyes.irisRadius * scale;
  const black = scene.paint(rgb(0x0c0908));
  const balls = [left, right].map(({ centre: { x, y } }) => {
    const round = (radius: number, fill: Fill): Drawing =>
      tag('ellipse', { cx: x, cy: y, rx: radius * Math.cos(photo.yaw), ry: radius, fill });
    const glint = { cx: x + photo.light.x * r * 0.38, cy: y - r * 0.38, r: 0.85 * scale, fill: '#fff' } as const;
    return [round(r, iris), round(r * 0.43, black), tag('circle', glint)];
  });

  const lash = scene.paint(mix(mix(person.hair.natural, BLACK, 0.65), skin.deep, 0.35 * (1 - eyes.lashes)));
  const shadow = made ? mix(person.lipstick, rgb(0x6a4a4a), 0.5) : skin.shade;
  const line = (d: Path, width: number, opacity: number): Drawing =>
    tag('path', { d, 'stroke-width': width * scale, 'stroke-opacity': opacity });
  return [
    tag('path', { d: both('lid'), fill: scene.paint(shadow), 'fill-opacity': 0.4 }),
    group({ 'clip-path': scene.clip(both('shape')) }, [
      tag('path', { d: left.shape, fill: white }),
      tag('path', { d: right.shape, fill: white }),
      balls,
    ]),
    group({ fill: 'none', stroke: scene.paint(skin.deep), 'stroke-linecap': 'round' }, [
      line(both('fold'), 0.75, 0.3 + 0.3 * (1 - eyes.hood)),
      line(both('lower'), 0.55, 0.5),
      line(both('pouch'), 1.1, 0.06 + eyes.bags * 0.38),
    ]),
    tag('path', { d: both('lash'), fill: lash, stroke: lash, 'stroke-width': 0.25 }),
  ];
}

function isMadeUp({ photo, person }: Scene): boolean {
  return photo.makeup < person.makeup;
}

/** The lines of one eye. */
function trace(
  scene: Scene,
  side: -1 | 1,
): { shape: Path; lid: Path; fold: Path; lower: Path; lash: Path; pouch: Path; centre: Point } {
  const { eyes } = scene.person;
  const { expression, yaw, pitch } = scene.photo;
  const made = isMadeUp(scene) ? 1 : 0;
  const w = eyes.width;
  const smile = Math.max(0, expression.smile);
  const open = Math.max(0.06, (expression.lids + side * expression.wink) * (1 - 0.2 * smile));
  const on = (u: number, v: number): Point => scene.on(side * (eyes.x + u), eyes.y + v);

  // Along the lid from the inner to the outer corner: share of the width, heights of both lids when fully open.
  const lid = [
    { u: -1, up: 0.7, low: 0.7 },
    { u: -0.58, up: -eyes.upper * 0.66, low: eyes.lower * 0.75 },
    { u: eyes.peak, up: -eyes.upper - eyes.tilt * 0.3, low: eyes.lower - eyes.tilt * 0.1 },
    { u: 0.58, up: -eyes.upper * 0.74 - eyes.tilt * 0.7, low: eyes.lower * 0.78 - eyes.tilt * 0.5 },
    { u: 1, up: -eyes.tilt - 0.1, low: -eyes.tilt - 0.1 },
  ].map(({ u, up, low }) => {
    const raised = low - smile * 0.45 * (1 - u * u);
    return { u: u * w, up: raised + (up - raised) * open, low: raised, full: up };
  });
  const upper = lid.map(({ u, up }) => on(u, up));
  const lower = lid.map(({ u, low }) => on(u, low)).reverse();

  const thick = (0.75 + eyes.lashes * 0.75 + made * 0.5) * Math.min(1, 0.55 + open * 0.45);
  const wing = 0.5 + eyes.lashes * 1.2 + made * 0.8;
  const corner = on(w + wing, -eyes.tilt - wing * 0.7);
  const lashes = lid
    .slice(0, 4)
    .reverse()
    .map(({ u, up }, i) => on(u, up - thick * [0.95, 1, 0.8, 0.25][i]!));
  // The crease stays where the open lid is folded; a hood hangs over it.
  const above = eyes.crease * (1 - eyes.hood * 0.55) + Math.max(0, expression.brows) * 0.3;
  const fold = lid.map(({ u, full }) => on(u * 1.04, full - above + (u > 0 ? eyes.hood * 0.9 * (u / w) : 0)));
  const pouch = [
    on(-w * 0.75, eyes.lower + 1.6),
    on(0, eyes.lower + 3.4),
    on(w * 0.7, eyes.lower + 2.2 - eyes.tilt * 0.5),
  ];
  // People look at the camera more often than where the head points.
  const gaze = { x: expression.gazeX * 2 - yaw * 4.2, y: expression.gazeY * 1.4 + pitch * 3 };
  return {
    shape: lens(upper, lower),
    lid: lens(fold, [...upper].reverse()),
    fold: curve(fold),
    lower: curve(lower),
    lash: lens([...upper.slice(0, 4), corner], [corner, ...lashes]),
    pouch: curve(pouch),
    centre: scene.on(side * eyes.x + gaze.x, eyes.y - eyes.upper * 0.22 + gaze.y, 0.5),
  };
}

export function drawBrows(scene: Scene): Drawing {
  const { person, photo } = scene;
  const { brows } = person;
  const { expression } = photo;
  const d = ([-1, 1] as const).flatMap((side) => {
    const lift = expression.brows * 1.4 + side * person.head.skew * 0.5;
    const frown = expression.frown;
    const at = (s: number, offset: number): Point => {
      // s runs 0 at the nose ... 1 at the temple.
      const hill = s < brows.archAt ? s / brows.archAt : 1 - ((s - brows.archAt) / (1 - brows.archAt)) * 1.25;
      const arch = brows.arch * Math.sin((Math.max(-0.4, hill) * Math.PI) / 2);
      const y = brows.y - arch - brows.slope * (s - 0.4) * 2 - lift * (0.7 + 0.3 * s) + frown * 2.2 * (1 - s) ** 1.5;
      const x = brows.inner - frown * 0.9 + s * brows.length;
      return scene.on(side * x, y + offset, 1.5);
    };
    const half = (s: number): number =>
      (brows.thickness / 2) * (s < 0.12 ? 0.6 : 1) * (1 - brows.taper * s) * (s > 0.95 ? 0.35 : 1);
    const steps = [0, 0.12, 0.35, 0.6, 0.8, 1];
    return lens(
      steps.map((s) => at(s, -half(s))),
      [...steps].reverse().map((s) => at(s, half(s))),
    );
  });
  const fill = scene.paint(brows.colour);
  return tag('path', {
    d,
    fill,
    stroke: fill,
    'stroke-width': 0.6,
    'stroke-linejoin': 'round',
    opacity: brows.density,
  });
}
