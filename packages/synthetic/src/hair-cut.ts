import type { Random } from '@protomem/core';
import { clamp, mix, type Rgb, ramp, rgb } from './colour.ts';

/** A person's hair: the cut and its colour. */
export interface Hair {
  readonly colour: Rgb;
  /** The colour without dye and grey: brows and beard follow it. */
  readonly natural: Rgb;
  readonly grey: number;
  /** 0 straight ... 1 coily. */
  readonly curl: number;
  readonly cut: CutName;
  /** Height of the middle of the hairline. */
  readonly lineY: number;
  readonly templeY: number;
  readonly widowsPeak: number;
  readonly recession: number;
  /** Where the hair parts, -1 ... 1. */
  readonly part: number;
  /** How far hair falls over the forehead. */
  readonly fringe: number;
  /** How far hair stands off the skull. */
  readonly volume: number;
  /** Where the hair at the sides ends. */
  readonly sideY: number;
  /** How far long hair covers the cheeks, as a share of the face's half width. */
  readonly cover: number;
  readonly opacity: number;
}

/** Fringe shape: off the face, straight across, to one side, or parted like a curtain. */
type Fall = 'off' | 'across' | 'swept' | 'curtain';

interface Cut {
  readonly fall: Fall;
  readonly fringe: number;
  readonly volume: number;
  readonly sideY: number;
  readonly recession: number;
  readonly opacity: number;
  /** Odds among masculine and feminine people. */
  readonly odds: readonly [number, number];
}

/** The cuts that people wear. `sideY` beyond 100 means long hair, which also hangs behind the neck. */
export const CUTS = {
  bald: { fall: 'off', fringe: 0, volume: 0.6, sideY: 58, recession: 22, opacity: 0.8, odds: [0.7, 0] },
  shaved: { fall: 'off', fringe: 0, volume: 0.4, sideY: 54, recession: 2, opacity: 0.5, odds: [0.8, 0.08] },
  buzz: { fall: 'off', fringe: 0, volume: 1.4, sideY: 55, recession: 1.5, opacity: 0.86, odds: [1.2, 0.08] },
  crop: { fall: 'across', fringe: 5, volume: 3.5, sideY: 56, recession: 0, opacity: 1, odds: [1.2, 0.3] },
  quiff: { fall: 'off', fringe: 0, volume: 6, sideY: 56, recession: 2, opacity: 1, odds: [1.4, 0.15] },
  sidePart: { fall: 'swept', fringe: 9, volume: 4.5, sideY: 57, recession: 1, opacity: 1, odds: [1.5, 0.5] },
  mop: { fall: 'across', fringe: 15, volume: 6, sideY: 63, recession: 0, opacity: 1, odds: [0.8, 0.3] },
  curtains: { fall: 'curtain', fringe: 16, volume: 5, sideY: 66, recession: 0, opacity: 1, odds: [0.5, 0.4] },
  receding: { fall: 'off', fringe: 0, volume: 2.5, sideY: 57, recession: 9, opacity: 0.95, odds: [1.1, 0] },
  afro: { fall: 'off', fringe: 0, volume: 13, sideY: 64, recession: 0, opacity: 1, odds: [0.3, 0.5] },
  tied: { fall: 'off', fringe: 0, volume: 2, sideY: 56, recession: 0, opacity: 1, odds: [0.15, 1.2] },
  bob: { fall: 'swept', fringe: 16, volume: 5.5, sideY: 92, recession: 0, opacity: 1, odds: [0, 1.3] },
  fringeBob: { fall: 'across', fringe: 22, volume: 5.5, sideY: 94, recession: 0, opacity: 1, odds: [0, 0.9] },
  long: { fall: 'swept', fringe: 13, volume: 5, sideY: 130, recession: 0, opacity: 1, odds: [0.12, 1.8] },
  longMiddle: { fall: 'curtain', fringe: 12, volume: 4.5, sideY: 130, recession: 0, opacity: 1, odds: [0.15, 1.5] },
  longFringe: { fall: 'across', fringe: 21, volume: 5, sideY: 130, recession: 0, opacity: 1, odds: [0, 1] },
} as const satisfies Record<string, Cut>;

export type CutName = keyof typeof CUTS;

const DARK = [0x17120f, 0x241812, 0x38241a, 0x4d3122].map(rgb);
const BROWN = [0x38241a, 0x5a3a25, 0x7a5434, 0x97703f].map(rgb);
const FAIR = [0x9a7443, 0xb98d52, 0xd3ad70, 0xe6cc98].map(rgb);
const RED = [0x6e2d1c, 0x8f3f20, 0xb35c2c, 0xc9783f].map(rgb);
const GREY = [0x8b8783, 0xb3b0ab, 0xdcd9d3].map(rgb);
const DYE = [0xd8b878, 0x7a1f2b, 0x2c3a63, 0x9c4a7a, 0xc8a25c, 0xa55a2a].map(rgb);

export function drawHair(
  rng: Random,
  { softness, age, melanin }: { softness: number; age: number; melanin: number },
): Hair {
  const vary = (mean: number, deviation: number): number => mean + deviation * clamp(rng.normal(), -2, 2);
  const shade = rng.uniform();
  const family = rng.uniform();
  const natural =
    melanin > 0.42
      ? ramp(DARK, shade * 0.75)
      : family < 0.3
        ? ramp(DARK, shade)
        : family < 0.66
          ? ramp(BROWN, shade)
          : family < 0.9
            ? ramp(FAIR, shade)
            : ramp(RED, shade);
  const grey = clamp(vary((age - 46) / 24, 0.25)) * (softness > 0.5 && rng.uniform() < 0.55 ? 0.15 : 1);
  const dyed = softness > 0.5 && rng.uniform() < 0.1;
  const dye = DYE[rng.below(DYE.length)]!;
  const grown = mix(natural, ramp(GREY, clamp((age - 45) / 30)), grey);

  const names = Object.keys(CUTS) as CutName[];
  const odds = names.map((name) => {
    const [masculine, feminine] = CUTS[name].odds;
    const losing = name === 'bald' || name === 'receding' ? clamp((age - 26) / 22) * 1.4 : 1;
    return (masculine + (feminine - masculine) * (softness > 0.5 ? 1 : 0)) * losing;
  });
  let place = rng.uniform(
    0,
    odds.reduce((a, b) => a + b, 0),
  );
  let chosen = 0;
  while (place >= odds[chosen]! && chosen < names.length - 1) place -= odds[chosen++]!;
  const cut = CUTS[names[chosen]!];

  return {
    colour: dyed ? dye : grown,
    natural,
    grey,
    curl: clamp(vary(names[chosen] === 'afro' ? 0.95 : 0.2 + melanin * 0.55, 0.25)),
    cut: names[chosen]!,
    lineY: vary(14.5, 2.4),
    templeY: vary(36, 2.5),
    widowsPeak: Math.max(0, vary(0.6, 1.5)),
    recession: Math.max(0, vary(cut.recession + clamp((age - 40) / 30) * (1 - softness) * 5, 1.6)),
    part: (rng.uniform() < 0.5 ? -1 : 1) * rng.uniform(0.15, 0.6),
    fringe: cut.fringe === 0 ? 0 : Math.max(2, vary(cut.fringe, 2.6)),
    volume: Math.max(0.3, cut.volume * vary(1, 0.22)),
    sideY: vary(cut.sideY, cut.sideY > 80 ? 5 : 3.5),
    cover: vary(0.86, 0.06),
    opacity: clamp(vary(cut.opacity, cut.opacity < 1 ? 0.08 : 0)),
  };
}
