import type { Random } from '@protomem/core';
import { clamp, type Grade } from './colour.ts';

type Occlusion = 'none' | 'sunglasses' | 'cap' | 'beanie' | 'scarf' | 'hand' | 'strand';

/** Everything that one photo adds: `variation` scales all but the backdrop and the clothes. Angles are in radians. */
export interface Photo {
  readonly yaw: number;
  readonly pitch: number;
  /** Strength of perspective: short lenses enlarge what is near. */
  readonly perspective: number;
  /** Error of the alignment. */
  readonly jitter: { readonly x: number; readonly y: number; readonly roll: number; readonly scale: number };
  readonly light: {
    /** From the face to the lamp, in the picture's plane. */
    readonly x: number;
    readonly y: number;
    /** 0 flat ... 1 hard. */
    readonly strength: number;
    readonly gloss: number;
  };
  readonly grade: Grade;
  readonly expression: {
    readonly smile: number;
    readonly open: number;
    readonly brows: number;
    readonly frown: number;
    readonly lids: number;
    readonly gazeX: number;
    readonly gazeY: number;
    readonly wink: number;
  };
  readonly occlusion: Occlusion;
  readonly hair: {
    readonly volume: number;
    readonly fringe: number;
    readonly length: number;
    readonly tied: boolean;
    readonly flip: boolean;
    readonly shade: number;
  };
  readonly stubble: number;
  readonly weight: number;
  /** 0 ... 1, compared with how often the person does it. */
  readonly glasses: number;
  readonly makeup: number;
  readonly earrings: number;
  readonly headscarf: number;
  readonly blur: { readonly x: number; readonly y: number };
  readonly grain: number;
  /** Seeds backdrop, clothes and the details of what covers the face. */
  readonly seed: number;
}

/** Draws the conditions of one photo. The order of the draws is the format. */
export function drawPhoto(rng: Random, variation: number): Photo {
  const vary = (deviation: number, limit = 2.2): number => variation * deviation * clamp(rng.normal(), -limit, limit);
  const chance = (p: number): boolean => rng.uniform() < p * variation;
  const strength = Math.min(1, variation);

  const yaw = clamp(vary(0.2), -0.55, 0.55);
  const pitch = clamp(vary(0.11), -0.3, 0.3);
  const perspective = 0.0009 + clamp(vary(0.0005), -0.0009, 0.0012);
  const jitter = { x: vary(1.3), y: vary(1.3), roll: vary(0.045), scale: 1 + vary(0.03) };

  const angle = rng.uniform(-1.25, 1.25);
  const light = {
    x: Math.sin(angle),
    y: -Math.cos(angle),
    strength: clamp(0.28 + variation * (rng.uniform() ** 1.5 * 0.75 - 0.12)),
    gloss: rng.uniform() * strength,
  };
  const exposure = Math.exp(vary(0.17));
  const warmth = vary(0.055);
  const tint = vary(0.02);
  const grade: Grade = {
    gain: [exposure * (1 + warmth), exposure * (1 + tint), exposure * (1 - warmth)],
    contrast: Math.exp(vary(0.11)),
    saturation: chance(0.07) ? 0 : clamp(0.95 + vary(0.17), 0.3, 1.2),
    haze: chance(0.3) ? rng.uniform(0, 0.22) * strength : 0,
  };

  const mood = rng.uniform();
  const smile = mood < 0.4 ? 0.08 + vary(0.1) : rng.uniform(0.35, 1) * strength;
  const open = chance(0.4) ? rng.uniform() ** 1.3 : 0;
  const expression = {
    smile: clamp(smile, -0.25, 1),
    open: clamp(open * (smile > 0.35 ? 0.75 : 0.55)),
    brows: vary(0.9),
    frown: chance(0.15) ? rng.uniform(0.2, 1) : 0,
    lids: chance(0.04) ? 0.08 : clamp(1 + vary(0.14), 0.45, 1.3),
    gazeX: vary(0.34),
    gazeY: vary(0.16),
    wink: vary(0.05),
  };

  const cover = rng.uniform();
  const covers: readonly (readonly [Occlusion, number])[] = [
    ['sunglasses', 0.035],
    ['cap', 0.035],
    ['beanie', 0.025],
    ['scarf', 0.03],
    ['hand', 0.035],
    ['strand', 0.05],
  ];
  let occlusion: Occlusion = 'none';
  let total = 0;
  for (const [kind, odds] of covers) {
    if (cover >= total && cover < total + odds * variation) occlusion = kind;
    total += odds * variation;
  }

  const hair = {
    volume: Math.exp(vary(0.16)),
    fringe: vary(1.8),
    length: vary(3.5),
    tied: chance(0.2),
    flip: chance(0.1),
    shade: vary(0.1),
  };
  const sharp = rng.uniform();
  const sigma = chance(0.55) ? 0.2 + sharp ** 2 * 1.0 * variation : 0;
  const motion = chance(0.12) ? rng.uniform(0.4, 1.1) : 0;
  return {
    yaw,
    pitch,
    perspective,
    jitter,
    light,
    grade,
    expression,
    occlusion,
    hair,
    stubble: clamp(1 + vary(0.45), 0.1, 2),
    weight: vary(0.5),
    glasses: rng.uniform(),
    makeup: rng.uniform(),
    earrings: rng.uniform(),
    headscarf: rng.uniform(),
    blur: { x: sigma + motion, y: sigma },
    grain: chance(0.3) ? rng.uniform(0.04, 0.2) : 0,
    seed: rng.uint32(),
  };
}
