import type { Random } from '@protomem/core';
import { clamp, lerp, mix, type Rgb, ramp, rgb } from './colour.ts';
import { drawHair, type Hair } from './hair-cut.ts';

/** Everything that stays the same from photo to photo. Lengths are in units of the 112-unit aligned crop. */
export interface Person {
  /** 0 masculine ... 1 feminine; shifts many of the traits below. */
  readonly softness: number;
  readonly age: number;
  readonly skin: Rgb;
  /** 0 very fair ... 1 very dark. */
  readonly melanin: number;
  readonly head: {
    /** Half width at the cheekbones. */
    readonly width: number;
    readonly forehead: number;
    readonly jaw: number;
    readonly chin: number;
    readonly chinY: number;
    readonly crownY: number;
    readonly cheekY: number;
    /** Fullness below the cheekbones. */
    readonly flesh: number;
    /** How much the left half differs from the right one. */
    readonly skew: number;
    readonly neck: number;
    readonly blush: number;
    readonly cleft: number;
  };
  readonly eyes: {
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly upper: number;
    readonly lower: number;
    /** Height of the outer corner over the inner one. */
    readonly tilt: number;
    /** Where along the lid its highest point lies, -1 inner ... 1 outer. */
    readonly peak: number;
    readonly crease: number;
    readonly hood: number;
    readonly iris: Rgb;
    readonly irisRadius: number;
    readonly lashes: number;
    readonly bags: number;
    readonly depth: number;
  };
  readonly brows: {
    readonly y: number;
    readonly inner: number;
    readonly length: number;
    readonly thickness: number;
    readonly taper: number;
    readonly arch: number;
    readonly archAt: number;
    readonly slope: number;
    readonly density: number;
    readonly colour: Rgb;
  };
  readonly nose: {
    readonly tipY: number;
    readonly width: number;
    readonly bridge: number;
    readonly height: number;
    readonly ball: number;
    readonly nostril: number;
    readonly hook: number;
    readonly bend: number;
  };
  readonly mouth: {
    readonly y: number;
    readonly width: number;
    readonly upper: number;
    readonly lower: number;
    readonly bow: number;
    readonly corners: number;
    readonly colour: Rgb;
    readonly gap: number;
  };
  readonly ears: { readonly size: number; readonly out: number; readonly y: number };
  readonly hair: Hair;
  readonly beard: {
    readonly stubble: number;
    readonly moustache: number;
    readonly goatee: number;
    readonly full: number;
    readonly colour: Rgb;
  };
  readonly marks: {
    readonly wrinkles: number;
    readonly freckles: number;
    readonly dimples: number;
    readonly moles: readonly { readonly x: number; readonly y: number; readonly radius: number }[];
    /** Seeds the places of freckles. */
    readonly seed: number;
  };
  readonly glasses: {
    /** Share of photos with them on. */
    readonly habit: number;
    readonly width: number;
    readonly height: number;
    /** 0 oval ... 1 rectangle. */
    readonly square: number;
    readonly rim: number;
    readonly colour: Rgb;
  };
  /** Share of photos with make-up. */
  readonly makeup: number;
  readonly lipstick: Rgb;
  readonly earrings: number;
  /** Share of photos with a headscarf. */
  readonly headscarf: number;
}

const SKIN = [0xf7dccd, 0xefc9b1, 0xe0b193, 0xc99474, 0xa87556, 0x82563e, 0x623f2f, 0x482f26].map(rgb);
const IRIS = [0x33201a, 0x4f3020, 0x6f4a28, 0x8a6a3a, 0x74834f, 0x5f8a78, 0x5a86ad, 0x7fa3bd, 0x8b9aa6].map(rgb);
const LIPS = [0xb8474f, 0xa8323f, 0xc9606a, 0x8e2f45, 0xc4545a, 0xd07a78].map(rgb);
const RIMS = [0x1d1b1c, 0x2d2522, 0x5b3a26, 0x7b6a55, 0x8d8f96, 0xb59a5e, 0x27354f, 0x6b2f35].map(rgb);

/** Draws a person. The order of the draws is the format: changing it changes every face. */
export function drawPerson(rng: Random): Person {
  /** Normal with cut tails: far-out values make monsters. */
  const vary = (mean: number, deviation: number): number => mean + deviation * clamp(rng.normal(), -2.1, 2.1);
  const chance = (p: number): boolean => rng.uniform() < p;
  const pick = <T>(items: readonly T[]): T => items[rng.below(items.length)]!;

  const feminine = chance(0.5);
  const softness = clamp(vary(feminine ? 0.8 : 0.2, 0.14));
  const by = (masculine: number, soft: number): number => lerp(masculine, soft, softness);
  const age = 18 + 54 * rng.uniform() ** 1.7;
  const old = clamp((age - 40) / 34);

  const melanin = clamp(0.06 + 0.9 * rng.uniform() ** 1.35);
  const undertone = vary(0, 0.022);
  const base = ramp(SKIN, melanin);
  const skin: Rgb = [base[0] + undertone * 0.4, base[1], base[2] - undertone * 1.2];

  const head = {
    width: vary(by(40.4, 38.9), 1.7),
    forehead: vary(by(0.9, 0.91), 0.03),
    jaw: vary(by(0.83, 0.77), 0.045),
    chin: vary(by(0.44, 0.36), 0.06),
    chinY: vary(by(111.8, 109.6), 2),
    crownY: vary(-12, 2),
    cheekY: vary(60, 3),
    flesh: vary(0.3 + old * 0.2, 0.32),
    skew: vary(0, 0.35),
    neck: vary(by(0.72, 0.58), 0.045),
    blush: clamp(vary(by(0.25, 0.42), 0.18)),
    cleft: chance(by(0.3, 0.08)) ? rng.uniform(0.3, 1) : 0,
  };

  const light = rng.uniform();
  const irisPlace = melanin > 0.42 ? light * 0.2 : light ** 0.8 * lerp(1, 0.4, clamp((melanin - 0.1) * 2.2));
  const monolid = chance(melanin > 0.12 && melanin < 0.5 ? 0.28 : 0.05);
  const eyes = {
    x: vary(17.6, 0.85),
    y: vary(51.6, 0.7),
    width: vary(by(7.5, 8), 0.5),
    upper: vary(by(3.7, 4.4), 0.5) - (monolid ? 0.5 : 0),
    lower: vary(2.1, 0.3),
    tilt: vary(0.6 + (monolid ? 0.5 : 0), 0.75),
    peak: vary(-0.05, 0.16),
    crease: monolid ? vary(0.5, 0.2) : vary(2.1, 0.6),
    hood: clamp(vary(0.18 + old * 0.45 + (monolid ? 0.35 : 0), 0.16)),
    iris: ramp(IRIS, irisPlace),
    irisRadius: vary(3.8, 0.22),
    lashes: clamp(vary(by(0.35, 0.8), 0.15)),
    bags: clamp(vary(0.12 + old * 0.6, 0.18)),
    depth: clamp(vary(by(0.55, 0.38), 0.2)),
  };

  const hair = drawHair(rng, { softness, age, melanin });
  const brows = {
    y: vary(by(42.4, 41.2), 1.3),
    inner: vary(8.3, 1),
    length: vary(by(18.4, 17.6), 1.3),
    thickness: clamp(vary(by(3.3, 2.3), 0.6), 1, 5),
    taper: vary(0.45, 0.15),
    arch: Math.max(0.2, vary(by(1.4, 2.5), 0.8)),
    archAt: vary(0.6, 0.08),
    slope: vary(by(0.7, 0.4), 0.75),
    density: clamp(vary(by(0.88, 0.78), 0.1), 0.45),
    colour: mix(mix(hair.natural, rgb(0x2a1c15), 0.45), hair.colour, hair.grey * 0.5),
  };

  const nose = {
    tipY: vary(71.7, 1.4),
    width: Math.max(6, vary(by(9.1, 8.1) + melanin * 1.2, 0.95)),
    bridge: Math.max(1.8, vary(by(3.5, 3), 0.6)),
    height: vary(12, 1.6),
    ball: vary(by(4.2, 3.7), 0.6),
    nostril: clamp(vary(0.55, 0.2)),
    hook: vary(0, 1),
    bend: vary(0, 0.5),
  };

  const lips = mix(multiplySkin(skin), rgb(0xb5504f), vary(0.3, 0.1));
  const mouth = {
    y: vary(92, 0.9),
    width: vary(by(14.5, 14), 1.15),
    upper: Math.max(1, vary(by(2.3, 3) + melanin * 0.7, 0.65)),
    lower: Math.max(1.6, vary(by(3.6, 4.2) + melanin * 0.9, 0.75)),
    bow: clamp(vary(0.55, 0.25), 0.05),
    corners: vary(-0.35, 0.6),
    colour: lips,
    gap: chance(0.12) ? rng.uniform(0.4, 1) : 0,
  };
  const ears = { size: vary(by(12.6, 11.2) + old, 1.1), out: vary(by(4, 3.4), 1.1), y: vary(60, 1.5) };

  const bearded = softness < 0.5;
  const kind = bearded ? rng.uniform() : 0;
  const beard = {
    stubble: bearded ? clamp(vary(0.35, 0.25)) : 0,
    moustache: kind > 0.62 ? rng.uniform(0.55, 1) : 0,
    goatee: kind > 0.7 ? rng.uniform(0.5, 1) : 0,
    full: kind > 0.8 ? rng.uniform(0.35, 1) : 0,
    colour: mix(mix(hair.natural, rgb(0x3a2418), 0.4), rgb(0xb9b5b0), clamp(hair.grey * 1.2)),
  };
  const moles = Array.from({ length: chance(0.45) ? 1 + rng.below(3) : 0 }, () => ({
    x: rng.uniform(-30, 30),
    y: rng.uniform(56, 102),
    radius: rng.uniform(0.45, 0.95),
  }));
  const marks = {
    wrinkles: old,
    freckles: melanin < 0.35 && chance(0.22) ? rng.uniform(0.3, 1) : 0,
    dimples: chance(0.2) ? rng.uniform(0.4, 1) : 0,
    moles,
    seed: rng.uint32(),
  };
  const glasses = {
    habit: chance(0.16 + old * 0.25) ? rng.uniform(0.6, 1) : 0.02,
    width: vary(13.4, 0.9),
    height: vary(9.6, 1.5),
    square: rng.uniform(),
    rim: vary(1.15, 0.4),
    colour: pick(RIMS),
  };
  return {
    softness,
    age,
    skin,
    melanin,
    head,
    eyes,
    brows,
    nose,
    mouth,
    ears,
    hair,
    beard,
    marks,
    glasses,
    makeup: softness > 0.5 ? rng.uniform() : 0,
    lipstick: pick(LIPS),
    earrings: softness > 0.5 && chance(0.5) ? rng.uniform(0.2, 0.9) : 0,
    headscarf: softness > 0.5 && chance(0.07) ? rng.uniform(0.75, 1) : 0,
  };
}

function multiplySkin(skin: Rgb): Rgb {
  return [skin[0] * 0.86, skin[1] * 0.66, skin[2] * 0.66];
}
