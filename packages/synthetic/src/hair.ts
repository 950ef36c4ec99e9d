import { clamp, mix, multiply, WHITE } from './colour.ts';
import { type Drawing, NOTHING, tag } from './drawing.ts';
import { CUTS, type CutName } from './hair-cut.ts';
import { curve, lens, ops, type Path, type Point, scallops, shut } from './path.ts';
import type { Scene } from './scene.ts';

/** Hair behind the head and hair in front of it: the head is drawn between the two. */
export interface HairLayers {
  readonly back: Drawing;
  readonly front: Drawing;
}

export function drawHairLayers(scene: Scene): HairLayers {
  const { person, photo } = scene;
  const { hair } = person;
  const long = hair.sideY > 80;
  const tied = photo.hair.tied && long;
  const sideY = tied ? 56 : hair.sideY + (long ? photo.hair.length * 1.5 : photo.hair.length * 0.4);
  const volume = hair.volume * photo.hair.volume * (tied ? 0.55 : 1);
  const colour = mix(
    hair.colour,
    photo.hair.shade > 0 ? WHITE : multiply(hair.colour, [0.3, 0.3, 0.3]),
    Math.abs(photo.hair.shade),
  );
  const style = { ...hair, sideY, volume, colour, long: long && !tied, cut: tied ? ('tied' as CutName) : hair.cut };
  return { back: drawBack(scene, style), front: drawFront(scene, style) };
}

type Style = Scene['person']['hair'] & { readonly long: boolean };

/** The skull's half width with hair on it at height y. */
function outer(scene: Scene, style: Style, sign: number): Point[] {
  const { head } = scene.person;
  const w = head.width;
  const v = style.volume;
  const top = head.crownY - v;
  const crown: [number, number][] = [
    [w * 0.98 + v * 0.85, 30],
    [w * 0.87 + v * 0.85, 8],
    [w * 0.5 + v * 0.5, top + 5],
  ];
  const side: [number, number][] = style.long
    ? [
        [w * 0.98 + v * (0.8 + style.curl * 0.8), style.sideY],
        [w * 1.03 + v * (1.15 + style.curl * 0.8), style.sideY * 0.45 + 44],
        [w * 1.02 + v, 56],
      ]
    : [
        [w + 0.2, style.sideY],
        [w * 1.005 + v * 0.45 + 0.3, 45],
      ];
  return [...side, ...crown].map(([x, y]) => scene.off(sign * x, y, style.long && y > 60 ? 6 : -2));
}

/** Height of the hair's lower edge on the forehead at t in -1 ... 1 of its width. */
function edge(scene: Scene, style: Style, t: number): number {
  const { photo } = scene;
  const part = photo.hair.flip ? -style.part : style.part;
  const line = style.lineY + (style.templeY - style.lineY) * Math.abs(t) ** 3.4;
  // Bald heads lose all but the temples, the others their corners first.
  const bare =
    style.recession *
    (style.cut === 'bald' ? 2 * (1 - Math.abs(t) ** 5) : 0.3 + 0.7 * Math.exp(-(((Math.abs(t) - 0.58) / 0.26) ** 2)));
  const widow = style.widowsPeak * Math.exp(-((t / 0.16) ** 2));
  const fringe = Math.max(0, style.fringe + (style.fringe > 0 ? photo.hair.fringe : 0));
  const fall = CUTS[style.cut].fall;
  const from = (middle: number): number => (t > middle ? (t - middle) / (1 - middle) : (middle - t) / (1 + middle));
  let drop = 0;
  if (fall === 'across') drop = fringe * (1 - Math.abs(t) ** 4) + 1.2 * Math.sin(t * 9 + style.part * 20);
  if (fall === 'curtain') drop = fringe * from(part * 0.25) ** 0.75 * (1 - Math.max(0, Math.abs(t) - 0.8) * 3);
  if (fall === 'swept') drop = fringe * from(part) ** 0.85 * (t > part === part < 0 ? 1.25 : 0.6);
  return line - bare + (fall === 'off' ? widow : 0) + drop;
}

function drawFront(scene: Scene, style: Style): Drawing {
  const { person, photo, scale } = scene;
  const { head } = person;
  const w = head.width;
  const ts = [-1, -0.86, -0.68, -0.48, -0.26, 0, 0.26, 0.48, 0.68, 0.86, 1];
  const thick = Math.min(4, 1 + style.fringe * 0.14);
  const hairline = ts.map((t) => scene.on(t * w * 0.93, edge(scene, style, t), thick * (1 - t * t)));
  const inner = (sign: number): Point[] => {
    const rows: [number, number][] = style.long
      ? [
          [w * (style.cover + 0.07), 52],
          [w * style.cover, Math.min(72, style.sideY - 8)],
          [w * (style.cover + 0.05), style.sideY],
        ]
      : [
          [w * 0.935, (style.templeY + style.sideY) / 2],
          [w * 0.96, style.sideY - 2],
        ];
    return rows.map(([x, y]) => scene.off(sign * x, y, style.long ? 10 : 6));
  };
  const { crownY } = head;
  const left = outer(scene, style, -1);
  const right = outer(scene, style, 1).reverse();
  const rim = [...left, scene.off(0, crownY - style.volume, -2), ...right];
  const border = [...inner(-1).reverse(), ...hairline, ...inner(1)].reverse();
  const rough = style.curl > 0.62 && style.opacity > 0.85;
  const d = rough ? shut(scallops(dense(rim, style.long ? 8 : 5)), border) : lens(rim, border);

  const light = photo.light;
  const dark = multiply(style.colour, [0.6, 0.57, 0.56]);
  const bright = mix(style.colour, WHITE, 0.16 + 0.06 * light.gloss);
  const lit = scene.on(light.x * 34, 8 + light.y * 10);
  const fill = scene.radial(lit, 74 * scale, [
    [0, bright, style.opacity],
    [1, dark, style.opacity],
  ]);
  // Hair that stands off the skin throws a shadow on it.
  const shade =
    style.opacity > 0.9
      ? tag('path', {
          d: curve(border),
          fill: 'none',
          stroke: scene.paint(scene.skin.deep),
          'stroke-width': 3.4,
          'stroke-opacity': 0.26,
        })
      : NOTHING;
  return [
    shade,
    tag('path', { d, fill }),
    style.opacity > 0.9 ? strands(scene, style, hairline, [left, right.reverse()], inner) : NOTHING,
  ];
}

/** Locks that show which way the hair grows. */
function strands(
  scene: Scene,
  style: Style,
  hairline: readonly Point[],
  [left, right]: readonly [readonly Point[], readonly Point[]],
  inner: (sign: number) => Point[],
): Drawing {
  const { person, photo, scale } = scene;
  const part = (photo.hair.flip ? -style.part : style.part) * (CUTS[style.cut].fall === 'curtain' ? 0.25 : 1);
  const centred = CUTS[style.cut].fall === 'off' || CUTS[style.cut].fall === 'across';
  const root = scene.off((centred ? 0 : part) * person.head.width * 0.8, person.head.crownY + (centred ? -6 : 12), 14);
  const light: Path[] = [];
  const dark: Path[] = [];
  hairline.forEach((end, i) => {
    if (i === 0 || i === hairline.length - 1) return;
    const t = i / (hairline.length - 1) - 0.5;
    const spread = { x: root.x + (end.x - root.x) * 0.72 + t * 6, y: root.y + (end.y - root.y) * 0.42 };
    (i % 2 ? light : dark).push(curve([root, spread, { x: end.x, y: end.y - 0.6 }]));
  });
  for (const [rim, sign] of [
    [left, -1],
    [right, 1],
  ] as const) {
    const near = [scene.on(sign * person.head.width * 0.9, style.templeY - 4), ...inner(sign)];
    const far = [...rim].reverse().slice(1);
    const count = Math.min(near.length, far.length);
    for (const s of style.long ? [0.25, 0.5, 0.75] : [0.5]) {
      const lock = Array.from({ length: count }, (_, k) => {
        const a = near[Math.round((k / (count - 1)) * (near.length - 1))]!;
        const b = far[Math.round((k / (count - 1)) * (far.length - 1))]!;
        const wave = style.curl * 2 * Math.sin(k * 2.4 + s * 9);
        return { x: a.x + (b.x - a.x) * s + wave, y: a.y + (b.y - a.y) * s };
      });
      (s === 0.5 ? light : dark).push(curve(lock));
    }
  }
  const lines = (d: readonly Path[], colour: number, opacity: number): Drawing =>
    tag('path', {
      d: d.flat(),
      fill: 'none',
      stroke: colour,
      'stroke-width': 1.15 * scale,
      'stroke-linecap': 'round',
      'stroke-opacity': opacity,
    });
  return [
    lines(dark, scene.paint(multiply(style.colour, [0.45, 0.42, 0.42])), 0.38),
    lines(light, scene.paint(mix(style.colour, WHITE, 0.32)), 0.26 + 0.18 * photo.light.gloss),
  ];
}

/** Resamples an open outline so that its points are about `step` apart. */
function dense(points: readonly Point[], step: number): Point[] {
  return points.flatMap((from, i) => {
    const to = points[i + 1];
    if (!to) return [from];
    const count = clamp(Math.round(Math.hypot(to.x - from.x, to.y - from.y) / step), 1, 12);
    return Array.from({ length: count }, (_, k) => ({
      x: from.x + ((to.x - from.x) * k) / count,
      y: from.y + ((to.y - from.y) * k) / count,
    }));
  });
}

function drawBack(scene: Scene, style: Style): Drawing {
  const { person } = scene;
  const { head } = person;
  const w = head.width;
  const v = style.volume;
  const afro = style.cut === 'afro';
  if (!style.long && !afro) return NOTHING;
  const low = afro ? 74 : style.sideY + 4;
  const half: [number, number][] = afro
    ? [
        [w * 0.55 + v * 0.6, head.crownY - v * 0.6],
        [w * 0.95 + v * 0.95, 12],
        [w + v * 1.05, 42],
        [w + v * 0.7, 62],
        [w * 0.7, low],
      ]
    : [
        [w * 0.5 + v * 0.5, head.crownY - v + 4],
        [w * 0.9 + v, 12],
        [w * 1.02 + v, 50],
        [w * 1.04 + v * (1.2 + style.curl), 84],
        [w * 0.95 + v * (0.8 + style.curl), low],
        [w * 0.5, low + 1.5],
      ];
  const points = [
    ...half.map(([x, y]) => scene.off(x, y, -14)),
    ...half.map(([x, y]) => scene.off(-x, y, -14)).reverse(),
  ];
  const d = style.curl > 0.62 ? [...scallops(dense([...points, points[0]!], 8)), ops.close] : curve(points, true);
  const fill = scene.linear(scene.off(0, 0, -14), scene.off(0, low, -14), [
    [0, multiply(style.colour, [0.85, 0.84, 0.83])],
    [1, multiply(style.colour, [0.5, 0.48, 0.47])],
  ]);
  return tag('path', { d, fill });
}
