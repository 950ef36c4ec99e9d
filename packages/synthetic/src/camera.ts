/** What the camera does to a picture, in pixels: SVG's feGaussianBlur and feTurbulence. */

const TO_LINEAR = Float32Array.from({ length: 256 }, (_, i) => linearOf(i / 255));
/** sRGB in 0 ... 255 by the linear value; fine enough for the dark end, where the curve is steep. */
const FINE = 8191;
const FROM_LINEAR = Float32Array.from({ length: FINE + 1 }, (_, i) => 255 * curveOf(i / FINE));

function linearOf(v: number): number {
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
}

function curveOf(v: number): number {
  return v <= 0.0031308 ? v * 12.92 : 1.055 * v ** (1 / 2.4) - 0.055;
}

/** Grey of 1/2 in linear light, which filters work in. */
const GREY = 255 * curveOf(0.5);

/**
 * Blurs a layer in linear light; outside of it nothing is.
 *
 * @param pixels RGB times opacity, and opacity: `[height, width, 4]`; overwritten.
 * @param scratch as large.
 * @param x standard deviation along rows, pixels.
 */
export function blurLayer(
  pixels: Float32Array,
  scratch: Float32Array,
  width: number,
  height: number,
  x: number,
  y: number,
): void {
  const across = kernelOf(x);
  const down = kernelOf(y);
  if (across.length + down.length === 2) return;
  convert(pixels, TO_LINEAR, 1);
  convolve(pixels, scratch, width, height, across, true);
  convolve(scratch, pixels, width, height, down, false);
  convert(pixels, FROM_LINEAR, FINE);
}

/** Looks colours up, without the opacity that they are multiplied by. */
function convert(pixels: Float32Array, table: Float32Array, scale: number): void {
  const last = table.length - 1;
  for (let at = 0; at < pixels.length; at += 4) {
    const a = pixels[at + 3]!;
    if (a < 1e-4) continue;
    const share = scale / a;
    // A sum of shares may be above what it is a share of by a rounding.
    pixels[at] = a * table[Math.min(last, (pixels[at]! * share + 0.5) | 0)]!;
    pixels[at + 1] = a * table[Math.min(last, (pixels[at + 1]! * share + 0.5) | 0)]!;
    pixels[at + 2] = a * table[Math.min(last, (pixels[at + 2]! * share + 0.5) | 0)]!;
  }
}

/** Samples of the bell over a pixel. */
const SAMPLES = 8;

/**
 * Half of a kernel, the middle first; all of it sums to 1. Below a deviation of 2, librsvg, which sharp draws SVG with,
 * takes each weight but the middle one a pixel too far out, so that it blurs less; faces look as they do there.
 */
function kernelOf(deviation: number): Float64Array {
  const radius = Math.floor(3 * deviation + 0.5);
  if (radius === 0) return Float64Array.of(1);
  const out = deviation < 2 ? 1 : 0;
  const half = new Float64Array(radius + 1);
  let sum = 0;
  for (let i = 0; i <= radius; i++) {
    for (let k = 0; k < SAMPLES; k++) {
      const x = (i > 0 ? i + out : 0) - 0.5 + (k + 0.5) / SAMPLES;
      half[i]! += Math.exp(-(x * x) / (2 * deviation * deviation));
    }
    sum += (i > 0 ? 2 : 1) * half[i]!;
  }
  let last = 0;
  for (let i = 0; i <= radius; i++) {
    half[i]! /= sum;
    // What no pixel's rounding would show is left out.
    if (half[i]! > 5e-4) last = i;
  }
  return half.subarray(0, last + 1);
}

function convolve(
  from: Float32Array,
  to: Float32Array,
  width: number,
  height: number,
  kernel: Float64Array,
  alongRows: boolean,
): void {
  const radius = kernel.length - 1;
  const step = alongRows ? 4 : 4 * width;
  const length = alongRows ? width : height;
  const middle = kernel[0]!;
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      const before = alongRows ? x : y;
      const after = length - 1 - before;
      let r = middle * from[at]!;
      let g = middle * from[at + 1]!;
      let b = middle * from[at + 2]!;
      let a = middle * from[at + 3]!;
      for (let k = 1; k <= radius; k++) {
        const weight = kernel[k]!;
        if (k <= before) {
          const i = at - k * step;
          r += weight * from[i]!;
          g += weight * from[i + 1]!;
          b += weight * from[i + 2]!;
          a += weight * from[i + 3]!;
        }
        if (k <= after) {
          const i = at + k * step;
          r += weight * from[i]!;
          g += weight * from[i + 1]!;
          b += weight * from[i + 2]!;
          a += weight * from[i + 3]!;
        }
      }
      to[at] = r;
      to[at + 1] = g;
      to[at + 2] = b;
      to[at + 3] = a;
    }
  }
}

const LATTICE = 256;
const lattice = new Uint8Array(2 * LATTICE + 2);
const slopes = new Float32Array(2 * LATTICE);

/** Fills the tables of Perlin's noise: the generator and the order that SVG asks for, of four channels the red one. */
function seedNoise(seed: number): void {
  let state = seed <= 0 ? (-seed % 2147483646) + 1 : seed;
  const random = (): number => {
    state = 16807 * (state % 127773) - 2836 * Math.floor(state / 127773);
    if (state <= 0) state += 2147483647;
    return state;
  };
  for (let channel = 0; channel < 4; channel++) {
    for (let i = 0; i < LATTICE; i++) {
      const x = ((random() % (2 * LATTICE)) - LATTICE) / LATTICE;
      const y = ((random() % (2 * LATTICE)) - LATTICE) / LATTICE;
      if (channel > 0) continue;
      const length = Math.sqrt(x * x + y * y) || 1;
      slopes[2 * i] = x / length;
      slopes[2 * i + 1] = y / length;
    }
  }
  for (let i = 0; i < LATTICE; i++) lattice[i] = i;
  for (let i = LATTICE - 1; i > 0; i--) {
    const j = random() % LATTICE;
    const kept = lattice[i]!;
    lattice[i] = lattice[j]!;
    lattice[j] = kept;
  }
  for (let i = 0; i < LATTICE + 2; i++) lattice[LATTICE + i] = lattice[i % LATTICE]!;
}

function slope(at: number, dx: number, dy: number): number {
  return dx * slopes[2 * at]! + dy * slopes[2 * at + 1]!;
}

/** Perlin's noise, about -1 ... 1. */
function noise(x: number, y: number): number {
  const cx = Math.floor(x);
  const cy = Math.floor(y);
  const fx = x - cx;
  const fy = y - cy;
  const i = lattice[cx & 255]!;
  const j = lattice[(cx + 1) & 255]!;
  const top = cy & 255;
  const low = (cy + 1) & 255;
  const sx = fx * fx * (3 - 2 * fx);
  const sy = fy * fy * (3 - 2 * fy);
  const a = slope(lattice[i + top]!, fx, fy);
  const b = slope(lattice[j + top]!, fx - 1, fy);
  const c = slope(lattice[i + low]!, fx, fy - 1);
  const d = slope(lattice[j + low]!, fx - 1, fy - 1);
  const above = a + sx * (b - a);
  return above + sy * (c + sx * (d - c) - above);
}

/** Lays grey of varying opacity over opaque pixels. @param step units of the view of a pixel */
export function addGrain(
  pixels: Float32Array,
  width: number,
  height: number,
  step: number,
  grain: number,
  seed: number,
): void {
  seedNoise(seed);
  const [x0, y0] = [(112 - width * step) / 2, (112 - height * step) / 2];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      const red = (noise((x0 + x * step) * 0.8, (y0 + y * step) * 0.8) + 1) / 2;
      const a = grain * Math.min(1, Math.max(0, 2 * red - 0.5));
      const rest = 1 - a;
      const grey = GREY * a;
      pixels[at] = pixels[at]! * rest + grey;
      pixels[at + 1] = pixels[at + 1]! * rest + grey;
      pixels[at + 2] = pixels[at + 2]! * rest + grey;
    }
  }
}
