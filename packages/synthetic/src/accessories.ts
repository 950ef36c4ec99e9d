import { Random } from '@protomem/core';
import { mix, multiply, type Rgb, rgb, WHITE } from './colour.ts';
import { type Drawing, group, tag } from './drawing.ts';
import { curve, lens, type Path, type Point } from './path.ts';
import type { Scene } from './scene.ts';

const CLOTH = [
  0x24304a, 0x7a2230, 0x2f4a3a, 0x3a3a3e, 0xb8a88e, 0x8c4a2f, 0xd9d5cc, 0x41658a, 0x6a4a78, 0xc9a23f, 0x1f1f22,
].map(rgb);

/** A colour for something that is worn. */
export function cloth(rng: Random): Rgb {
  const colour = CLOTH[rng.below(CLOTH.length)]!;
  return mix(colour, [rng.uniform(), rng.uniform(), rng.uniform()], 0.18);
}

/** Rounded shape around a lens: superellipse from oval to rectangle. */
function frame(scene: Scene, side: number, width: number, height: number, square: number): Point[] {
  const { eyes } = scene.person;
  const power = 1 - 0.55 * square;
  return Array.from({ length: 12 }, (_, i) => {
    const angle = (i / 12) * 2 * Math.PI;
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    const x = Math.sign(c) * Math.abs(c) ** power * width;
    const y = Math.sign(s) * Math.abs(s) ** power * height * (s > 0 ? 1 : 0.86);
    return scene.on(side * (eyes.x + 0.6) + x, eyes.y + 1.6 + y, 7 - Math.abs(x * side > 0 ? x : 0) * 0.15);
  });
}

export function drawGlasses(scene: Scene, dark: boolean): Drawing {
  const { person, photo, scale } = scene;
  const { eyes, head, glasses } = person;
  const rng = new Random(photo.seed, 1);
  const width = dark ? 14.6 : glasses.width;
  const height = dark ? rng.uniform(8.5, 11.5) : glasses.height;
  const square = dark ? rng.uniform(0.2, 0.8) : glasses.square;
  const colour = dark ? mix(rgb(0x17161a), glasses.colour, 0.25) : glasses.colour;
  const stroke = scene.paint(colour);
  const rim = (dark ? 1.3 : Math.max(0.6, glasses.rim)) * scale;
  const sides = [-1, 1] as const;
  const lenses = sides.flatMap((side) => curve(frame(scene, side, width, height, square), true));
  const fill = dark
    ? scene.fade([
        [0, rgb(0x121114), 0.97],
        [1, mix(rgb(0x2a262a), glasses.colour, 0.4), 0.88],
      ])
    : scene.paint(WHITE);
  const gap = eyes.x + 0.6 - width;
  const bridge = curve([scene.on(-gap, eyes.y + 0.5, 7), scene.on(0, eyes.y - 1.2, 8), scene.on(gap, eyes.y + 0.5, 7)]);
  const temples = sides.flatMap((side) =>
    curve([scene.on(side * (eyes.x + width), eyes.y - 2, 4), scene.off(side * (head.width + 1), eyes.y - 1.5, 4)]),
  );
  const glare = sides.flatMap((side) => {
    const x = side * eyes.x + photo.light.x * 7;
    return curve([scene.on(x - 3, eyes.y - height * 0.45, 6), scene.on(x + 1, eyes.y - height * 0.62, 6)]);
  });
  return [
    tag('path', { d: lenses, fill, 'fill-opacity': dark ? 1 : 0.07, stroke, 'stroke-width': rim }),
    tag('path', { d: [...bridge, ...temples], fill: 'none', stroke, 'stroke-width': rim * 1.15 }),
    tag('path', {
      d: glare,
      stroke: '#fff',
      'stroke-width': 1.3 * scale,
      'stroke-linecap': 'round',
      'stroke-opacity': 0.2 + 0.4 * photo.light.gloss,
    }),
  ];
}

export function drawEarrings(scene: Scene): Drawing {
  const { ears, head } = scene.person;
  return [-1, 1].map((side) => {
    const at = scene.off(side * (head.width + ears.out * 0.4), ears.y + ears.size * 0.72, -4);
    return tag('circle', {
      cx: at.x,
      cy: at.y,
      r: 1.35 * scene.scale,
      fill: scene.paint(rgb(0xe8d9a0)),
      stroke: scene.paint(rgb(0x8a7a4a)),
      'stroke-width': 0.3,
    });
  });
}

export function drawHat(scene: Scene, kind: 'cap' | 'beanie'): Drawing {
  const { person, photo, scale } = scene;
  const { head } = person;
  const rng = new Random(photo.seed, 2);
  const colour = cloth(rng);
  const low = rng.uniform(18, 23);
  const w = head.width + 3;
  const across = (y: number, bend: number, lift: number): Point[] =>
    [-1, -0.8, -0.4, 0, 0.4, 0.8, 1].map((t) => scene.on(t * (w - 2.5), y + bend * t * t, lift));
  const dome = [
    scene.off(w, low + 12, -2),
    scene.off(w * 0.98, 4, -2),
    scene.off(w * 0.55, head.crownY - 5, 0),
    scene.off(-w * 0.55, head.crownY - 5, 0),
    scene.off(-w * 0.98, 4, -2),
    scene.off(-w, low + 12, -2),
  ];
  const shadow = tag('path', {
    d: lens(across(low - 2, 9, 1), across(low + 7, 7, 1).reverse()),
    fill: scene.paint(scene.skin.deep),
    opacity: 0.4,
  });
  const fill = scene.linear(scene.on(photo.light.x * 40, 0), scene.on(-photo.light.x * 40 - 0.1, 20), [
    [0, mix(colour, WHITE, 0.14)],
    [1, multiply(colour, [0.62, 0.6, 0.62])],
  ]);
  const body = tag('path', { d: lens(across(low, 12, 3), dome), fill });
  if (kind === 'cap') {
    const brim = lens(across(low - 1, 10, 4), across(low + 4.5, 6, 20).reverse());
    const seam = curve([scene.on(0, low, 3), scene.off(0, head.crownY - 5, 0)]);
    return [
      shadow,
      body,
      tag('path', {
        d: seam,
        fill: 'none',
        stroke: scene.paint(multiply(colour, [0.5, 0.5, 0.5])),
        'stroke-width': 0.7,
      }),
      tag('path', {
        d: brim,
        fill: scene.paint(multiply(colour, [0.8, 0.8, 0.8])),
        stroke: scene.paint(multiply(colour, [0.45, 0.45, 0.45])),
        'stroke-width': 0.5,
      }),
    ];
  }
  const band = lens(across(low, 12, 4), across(low - 9, 12, 4).reverse());
  const ribs = [-0.85, -0.65, -0.45, -0.22, 0, 0.22, 0.45, 0.65, 0.85].flatMap((t) =>
    curve([scene.on(t * w * 0.94, low - 8.5 + 12 * t * t, 4), scene.on(t * w * 0.94, low - 0.5 + 12 * t * t, 4)]),
  );
  return [
    shadow,
    body,
    tag('path', { d: band, fill: scene.paint(mix(colour, WHITE, 0.1)) }),
    tag('path', {
      d: ribs,
      fill: 'none',
      stroke: scene.paint(multiply(colour, [0.6, 0.6, 0.6])),
      'stroke-width': 0.8 * scale,
      opacity: 0.6,
    }),
  ];
}

/** A scarf up to the lip. */
export function drawScarf(scene: Scene): Drawing {
  const { head } = scene.person;
  const rng = new Random(scene.photo.seed, 3);
  const colour = cloth(rng);
  const top = rng.uniform(95, 101);
  const w = head.width * 1.02;
  const edge = [
    scene.off(-w * 1.25, top + 9, -4),
    scene.on(-w * 0.75, top + 2, 5),
    scene.on(0, top + 1.5, 7),
    scene.on(w * 0.75, top + 3.5, 5),
    scene.off(w * 1.25, top + 10, -4),
  ];
  const d = lens(edge, [
    { x: 125, y: 135 },
    { x: 56, y: 138 },
    { x: -13, y: 135 },
  ]);
  const fold = (k: number): Path => curve(edge.map((p, i) => ({ x: p.x, y: p.y + k + (i % 2) * 1.5 })));
  const fill = scene.linear({ x: 56, y: top }, { x: 56, y: 114 }, [
    [0, mix(colour, WHITE, 0.12)],
    [1, multiply(colour, [0.6, 0.6, 0.62])],
  ]);
  return [
    tag('path', { d, fill }),
    tag('path', {
      d: [...fold(4), ...fold(8)],
      fill: 'none',
      stroke: scene.paint(multiply(colour, [0.5, 0.5, 0.52])),
      'stroke-width': 1,
      opacity: 0.6,
    }),
  ];
}

/** Fingers on the cheek and the chin. */
export function drawHand(scene: Scene): Drawing {
  const { skin, photo, scale } = scene;
  const rng = new Random(photo.seed, 4);
  const side = rng.uniform() < 0.5 ? -1 : 1;
  const reach = rng.uniform(74, 88);
  const base = { x: 56 + side * 22, y: 122 };
  const fingers = [0, 1, 2, 3].map((i) => {
    const tip = scene.on(side * (30 - i * 6.2), reach + [5, 0, 2, 9][i]!, 5);
    const knuckle = { x: (tip.x + base.x) / 2 + side * (5 - i * 3.4), y: (tip.y + base.y) / 2 };
    return curve([tip, knuckle, { x: base.x + side * (9 - i * 6), y: base.y }]);
  });
  const tone = mix(skin.base, skin.shade, 0.25);
  const draw = (stroke: Rgb, width: number, opacity: number): Drawing =>
    fingers.map((d) => tag('path', { d, stroke: scene.paint(stroke), 'stroke-width': width * scale, opacity }));
  const pairs = fingers.map((d) => [
    tag('path', { d, stroke: scene.paint(skin.deep), 'stroke-width': 8 * scale, opacity: 0.5 }),
    tag('path', { d, stroke: scene.paint(tone), 'stroke-width': 7 * scale }),
  ]);
  return group({ fill: 'none', 'stroke-linecap': 'round' }, [draw(skin.deep, 9.5, 0.16), pairs]);
}

/** A few loose hairs across the face. */
export function drawStrand(scene: Scene): Drawing {
  const { person, photo, scale } = scene;
  const rng = new Random(photo.seed, 5);
  const side = rng.uniform() < 0.5 ? -1 : 1;
  const w = person.head.width;
  const from = rng.uniform(0.1, 0.45);
  const lock = [0, 1, 2, 3].flatMap((i) =>
    curve([
      scene.on(side * w * from, 6, 3),
      scene.on(side * (w * (from + 0.25) + i), 32, 4),
      scene.on(side * (w * 0.62 + i * 1.5), 58 + i, 3),
      scene.on(side * (w * 0.66 + i), 78 + i * 3, 2),
    ]),
  );
  return tag('path', {
    d: lock,
    fill: 'none',
    stroke: scene.paint(multiply(person.hair.colour, [0.85, 0.85, 0.85])),
    'stroke-width': 1.2 * scale,
    'stroke-linecap': 'round',
    opacity: 0.85,
  });
}

export function drawHeadscarf(scene: Scene): Drawing {
  const { person, photo } = scene;
  const { head } = person;
  const rng = new Random(photo.seed, 6);
  const colour = cloth(rng);
  const w = head.width;
  const v = 5 + rng.uniform(0, 3);
  const hood: [number, number][] = [
    [w * 0.55, head.crownY - v],
    [w * 0.98 + v, 8],
    [w * 1.05 + v, 46],
    [w * 1.02 + v, 84],
    [w * 1.2 + v, 116],
    [w * 1.8, 140],
  ];
  const opening: [number, number, number][] = [
    [w * 0.5, 12.5, 26],
    [w * 0.84, 26, 14],
    [w * 0.94, 52, 8],
    [w * 0.9, 78, 8],
    [w * head.jaw * 0.8, 99, 12],
    [w * 0.3, head.chinY - 0.5 + photo.expression.open * 3, 20],
  ];
  const outside = [
    ...hood.map(([x, y]) => scene.off(x, y, -4)),
    ...hood.map(([x, y]) => scene.off(-x, y, -4)).reverse(),
  ];
  const inside = [
    ...opening.map(([x, y, z]) => scene.off(x, y, z)),
    ...opening.map(([x, y, z]) => scene.off(-x, y, z)).reverse(),
  ];
  const face = curve(inside, true);
  const d = [...curve(outside, true), ...face];
  const fill = scene.linear(scene.on(photo.light.x * 60, 20), scene.on(-photo.light.x * 60 - 0.1, 90), [
    [0, mix(colour, WHITE, 0.16)],
    [0.5, colour],
    [1, multiply(colour, [0.58, 0.57, 0.6])],
  ]);
  const folds = [0.35, 0.7].flatMap((s) =>
    [-1, 1].flatMap((side) =>
      curve(
        opening.slice(1).map(([x, y, z], i) => {
          const [hx, hy] = hood[i + 1]!;
          return scene.off(side * (x + (hx - x) * s), y + (hy - y) * s, z * (1 - s));
        }),
      ),
    ),
  );
  return [
    tag('path', { d: face, fill: 'none', stroke: scene.paint(scene.skin.deep), 'stroke-width': 3, opacity: 0.3 }),
    tag('path', { d, fill, 'fill-rule': 'evenodd' }),
    tag('path', {
      d: folds,
      fill: 'none',
      stroke: scene.paint(multiply(colour, [0.5, 0.5, 0.53])),
      'stroke-width': 1.1,
      opacity: 0.5,
    }),
  ];
}
