import { mix, rgb } from './colour.ts';
import { type Drawing, group, NOTHING, tag } from './drawing.ts';
import { curve, lens, type Path, type Point } from './path.ts';
import type { Scene } from './scene.ts';

/** Right half of the head's outline from crown to chin: x, y and depth. */
function profile({ person, photo }: Scene): [number, number, number][] {
  const { head } = person;
  const w = head.width + photo.weight;
  const drop = photo.expression.open * 3;
  const chin = head.chinY + drop;
  const fat = head.flesh + photo.weight * 0.3;
  return [
    [w * 0.5, head.crownY + 3, 0],
    [w * 0.86, 11, 0],
    [w * (head.forehead + 0.07), 30, 0],
    [w * (0.985 + (head.forehead - 0.9) * 0.3), 46, 0],
    [w, head.cheekY, 0],
    [w * (0.55 + 0.45 * head.jaw) + fat * 0.7, 78 + drop * 0.3, 3],
    [w * head.jaw + fat * 1.1 - 0.6, 91 + drop * 0.6, 6],
    [w * (head.jaw * 0.55 + head.chin * 0.45) + fat * 0.8, 101 + drop * 0.9, 12],
    [w * head.chin * 0.86, chin - 2.6, 18],
    [w * head.chin * 0.42, chin - 0.4, 21],
  ];
}

/** Outline of the head, clockwise from the crown. */
function headOutline(scene: Scene): Point[] {
  const { head } = scene.person;
  const half = profile(scene);
  const skew = (side: number): number => 1 + side * head.skew * 0.012;
  const side = (sign: number): Point[] => half.map(([x, y, z]) => scene.off(sign * x * skew(sign), y, z));
  const chin = scene.off(head.skew * 0.6, head.chinY + scene.photo.expression.open * 3, 22);
  return [scene.off(0, head.crownY, 0), ...side(1), chin, ...side(-1).reverse()];
}

export function drawNeck(scene: Scene): Drawing {
  const { person, skin } = scene;
  const { head } = person;
  const w = head.width * head.neck;
  const at = (x: number, y: number): Point => scene.off(x, y, -8);
  const d = lens(
    [at(-w, 78), at(-w, 104), at(-w * 1.08, 116), at(-w * 1.6, 124), at(-w * 2.2, 134)],
    [at(w * 2.2, 134), at(w * 1.6, 124), at(w * 1.08, 116), at(w, 104), at(w, 78)],
  );
  const side = scene.photo.light.x * w;
  const fill = scene.paint(mix(skin.base, skin.shade, 0.75));
  const shadow = scene.spot(scene.off(-side * 0.3, head.chinY - 1, 4), w * 1.15, 15, skin.deep, 0.62);
  return [tag('path', { d, fill }), shadow];
}

export function drawEars(scene: Scene): Drawing {
  const { person, skin, scale } = scene;
  const { ears, head } = person;
  const ear = (side: number): { d: Path; inner: Path } => {
    const x = side * (head.width - 1.4);
    const tip = side * (head.width + ears.out);
    const top = ears.y - ears.size * 0.75;
    const low = ears.y + ears.size * 0.62;
    const at = (px: number, py: number): Point => scene.off(px, py, -5);
    const d = curve(
      [
        at(x, top + 4),
        at(x + side * ears.out * 0.5, top),
        at(tip, top + ears.size * 0.3),
        at(tip - side * 0.6, ears.y),
        at(x + side * ears.out * 0.55, low),
        at(x, low - 1),
      ],
      true,
    );
    const inner = curve([
      at(x + side * ears.out * 0.6, top + 3),
      at(tip - side * 1.3, top + 6.5),
      at(x + side * 1.4, ears.y + 2.5),
    ]);
    return { d, inner };
  };
  const [left, right] = [ear(-1), ear(1)];
  return [
    tag('path', {
      d: [...left.d, ...right.d],
      fill: scene.paint(mix(mix(skin.base, skin.shade, 0.4), rgb(0xc0504a), 0.1)),
    }),
    tag('path', {
      d: [...left.inner, ...right.inner],
      fill: 'none',
      stroke: scene.paint(skin.deep),
      'stroke-width': 1.1 * scale,
      'stroke-opacity': 0.45,
    }),
  ];
}

/** The face without its features: skin, its roundness and the light on it. `inside` is drawn on the skin, clipped to it. */
export function drawFace(scene: Scene, inside: Drawing): Drawing {
  const { person, photo, skin } = scene;
  const { head, eyes } = person;
  const { light, expression } = photo;
  const d = curve(headOutline(scene), true);
  const reach = 66 * scene.scale;
  const fill = scene.radial(scene.on(light.x * 16, 60 + light.y * 14), reach, [
    [0, skin.lit],
    [0.45, skin.base],
    [1, mix(skin.base, skin.shade, 0.55 + light.strength * 0.45)],
  ]);
  // The far side of a turned lamp lies in shadow.
  const reachX = head.width * 1.05;
  const shadow = scene.linear(
    scene.on(light.x * reachX * 0.25, 66 + light.y * 18),
    scene.on(-light.x * reachX, 66 - light.y * 40),
    [
      [0, skin.deep, 0],
      [1, skin.deep, 0.75 * light.strength],
    ],
  );
  const smile = Math.max(0, expression.smile);
  const cheekX = 22.5;
  const cheekY = 74 - smile * 2;
  const spots = [-1, 1].map((side) => {
    const towards = side * light.x;
    return [
      scene.spot(scene.on(side * cheekX, cheekY), 13, 10.5, skin.pink, head.blush * 0.75),
      scene.spot(
        scene.on(side * (cheekX - 1), cheekY - 6),
        9,
        6,
        skin.lit,
        0.25 + 0.2 * smile + 0.25 * Math.max(0, towards),
      ),
      scene.spot(scene.on(side * 33, 86), 11, 16, skin.deep, 0.26 - head.flesh * 0.18),
      scene.spot(scene.on(side * (eyes.x - 3), eyes.y - 4), 13, 7.5, skin.deep, 0.2 + eyes.depth * 0.25),
    ];
  });
  const forehead = scene.spot(scene.on(light.x * 8, 28), 21, 13, skin.lit, 0.35 + 0.3 * light.gloss);
  const chin = scene.spot(scene.on(light.x * 3, head.chinY - 7 + expression.open * 3), 8.5, 6, skin.lit, 0.4);
  const cleft = head.cleft
    ? scene.spot(scene.on(0, head.chinY - 5 + expression.open * 3), 1.3, 3, skin.deep, 0.5 * head.cleft)
    : NOTHING;
  return [
    tag('path', { d, fill, stroke: scene.paint(skin.deep), 'stroke-width': 0.9, 'stroke-opacity': 0.35 }),
    group({ 'clip-path': scene.clip(d) }, [
      spots,
      forehead,
      chin,
      cleft,
      inside,
      tag('rect', { x: 0, y: 0, width: 112, height: 112, fill: shadow }),
    ]),
  ];
}
