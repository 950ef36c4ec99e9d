/** Red, green and blue in 0 ... 1, sRGB. */
export type Rgb = readonly [number, number, number];

export const WHITE: Rgb = [1, 1, 1];
export const BLACK: Rgb = [0, 0, 0];

export function clamp(x: number, low = 0, high = 1): number {
  return Math.min(high, Math.max(low, x));
}

export function lerp(a: number, b: number, t: number): number {
  return a + (b - a) * t;
}

/** `rgb(0xe0a080)`. */
export function rgb(hex: number): Rgb {
  return [(hex >> 16) / 255, ((hex >> 8) & 255) / 255, (hex & 255) / 255];
}

export function mix(a: Rgb, b: Rgb, t: number): Rgb {
  return [lerp(a[0], b[0], t), lerp(a[1], b[1], t), lerp(a[2], b[2], t)];
}

/** Channel by channel product: what a surface `a` looks like under a light `b`. */
export function multiply(a: Rgb, b: Rgb): Rgb {
  return [a[0] * b[0], a[1] * b[1], a[2] * b[2]];
}

function luminance(c: Rgb): number {
  return 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2];
}

/** Piecewise linear through equally spaced colours; t in 0 ... 1. */
export function ramp(colours: readonly Rgb[], t: number): Rgb {
  const place = clamp(t) * (colours.length - 1);
  const i = Math.min(colours.length - 2, Math.floor(place));
  return mix(colours[i]!, colours[i + 1]!, place - i);
}

/** What camera and development do to every colour of a picture. */
export interface Grade {
  /** Gain of each channel: exposure times colour temperature. */
  readonly gain: Rgb;
  readonly contrast: number;
  /** 0 is greyscale, 1 leaves colours alone. */
  readonly saturation: number;
  /** Veil of stray light, 0 ... 1. */
  readonly haze: number;
}

/** Colour as 0xrrggbb after the grade. */
export function develop(colour: Rgb, grade: Grade): number {
  const lit = multiply(colour, grade.gain);
  const grey = luminance(lit);
  const channel = (value: number): number => {
    const saturated = lerp(grey, value, grade.saturation);
    const contrasted = 0.45 + (saturated - 0.45) * grade.contrast;
    const veiled = lerp(contrasted, 0.72, grade.haze);
    return Math.round(clamp(veiled) * 255);
  };
  return (channel(lit[0]) << 16) | (channel(lit[1]) << 8) | channel(lit[2]);
}
