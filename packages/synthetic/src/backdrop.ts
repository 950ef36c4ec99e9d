import { Random } from '@protomem/core';
import { cloth } from './accessories.ts';
import { mix, multiply, type Rgb, rgb, WHITE } from './colour.ts';
import { type Drawing, tag } from './drawing.ts';
import { lens, type Point } from './path.ts';
import type { Scene } from './scene.ts';

const WALLS = [
  0xd8d4cc, 0x9fb4c4, 0x5d7a8c, 0x8a9a7b, 0xc8b293, 0x6b5a4e, 0x2e3440, 0xa67f6b, 0x4a5d4f, 0xb9c9d6, 0x7d6f86,
  0x1d2026,
].map(rgb);

/** What lies behind the person; tells nothing about them. */
export function drawBackdrop(scene: Scene): Drawing {
  const rng = new Random(scene.photo.seed, 7);
  const wall = (): Rgb => mix(WALLS[rng.below(WALLS.length)]!, [rng.uniform(), rng.uniform(), rng.uniform()], 0.15);
  const walls = [wall(), wall(), wall()] as const;
  const [first, second] = walls;
  const lean = rng.uniform(-40, 40);
  const fill = scene.linear({ x: 56 - lean, y: 0 }, { x: 56 + lean, y: 112 }, [
    [0, first],
    [1, mix(first, second, rng.uniform(0.2, 0.9))],
  ]);
  const parts: Drawing[] = [tag('rect', { x: -8, y: -8, width: 128, height: 128, fill })];
  const kind = rng.below(5);
  const spread = (): Point => ({
    x: rng.uniform() < 0.5 ? rng.uniform(-6, 26) : rng.uniform(86, 118),
    y: rng.uniform(-6, 112),
  });
  if (kind === 1) {
    // Lights out of focus.
    for (let i = rng.below(6) + 4; i > 0; i--) {
      const at = spread();
      parts.push(
        tag('circle', {
          cx: at.x,
          cy: at.y,
          r: rng.uniform(3, 9),
          fill: scene.paint(mix(wall(), WHITE, 0.4)),
          opacity: rng.uniform(0.15, 0.5),
        }),
      );
    }
  } else if (kind === 2) {
    // Window frames, doors and shelves.
    for (let i = rng.below(4) + 2; i > 0; i--) {
      const at = spread();
      parts.push(
        tag('rect', {
          x: at.x - 12,
          y: at.y - 25,
          width: rng.uniform(5, 26),
          height: rng.uniform(14, 90),
          fill: scene.paint(wall()),
          opacity: rng.uniform(0.35, 0.8),
        }),
      );
    }
  } else if (kind === 3) {
    // Foliage and crowds: soft blots.
    for (let i = 6; i > 0; i--)
      parts.push(scene.spot(spread(), rng.uniform(10, 24), rng.uniform(10, 24), walls[i % 3]!, rng.uniform(0.4, 0.9)));
  } else if (kind === 4) {
    const y = rng.uniform(20, 80);
    parts.push(tag('rect', { x: -8, y, width: 128, height: 130, fill: scene.paint(wall()), opacity: 0.7 }));
  }
  return parts;
}

export function drawClothes(scene: Scene): Drawing {
  const rng = new Random(scene.photo.seed, 8);
  const colour = cloth(rng);
  const { head } = scene.person;
  const w = head.width * head.neck;
  const high = rng.uniform(-3, 5);
  const at = (x: number, y: number): Point => scene.off(x, y, -4);
  const collar = rng.below(3);
  const vee = collar === 0 ? rng.uniform(14, 26) : rng.uniform(3, 8);
  const d = lens(
    [
      at(-100, 146),
      at(-70, 129 + high),
      at(-w * 1.25, 115 + high),
      at(-w * 0.95, 112 + high),
      at(0, 116 + vee),
      at(w * 0.95, 112 + high),
      at(w * 1.25, 115 + high),
      at(70, 129 + high),
      at(100, 146),
    ],
    [at(100, 170), at(-100, 170)],
  );
  const parts: Drawing[] = [tag('path', { d, fill: scene.paint(multiply(colour, [0.88, 0.88, 0.88])) })];
  if (collar === 1) {
    const light = scene.paint(mix(colour, WHITE, rng.uniform(0.3, 0.85)));
    for (const side of [-1, 1]) {
      const flap = lens(
        [at(side * w * 1.15, 104 + high), at(side * w * 0.5, 116 + high)],
        [at(side * w * 0.75, 128), at(side * w * 1.5, 116 + high)],
      );
      parts.push(
        tag('path', {
          d: flap,
          fill: light,
          stroke: scene.paint(multiply(colour, [0.5, 0.5, 0.5])),
          'stroke-width': 0.4,
        }),
      );
    }
  }
  return parts;
}
