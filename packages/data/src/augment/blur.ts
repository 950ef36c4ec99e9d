import { clamped, type Pixels } from './pixels.ts';

/**
 * Gaussian blur, in place; the outermost pixels go on beyond the border. The kernel ends at three deviations and sums to 1.
 *
 * @param sigma standard deviation, pixels; 0 changes nothing.
 */
export function blur({ data, height, width }: Pixels, sigma: number): void {
  const radius = Math.ceil(3 * sigma);
  if (radius === 0) return;
  const weights = Float64Array.from({ length: radius + 1 }, (_, i) => Math.exp(-(i * i) / (2 * sigma * sigma)));
  const total = weights.reduce((sum, weight, i) => sum + (i === 0 ? weight : 2 * weight), 0);
  const kernel = weights.map((weight) => weight / total);
  const between = new Float32Array(data.length);
  convolve(data, between, { outer: height, length: width, inner: 3 }, kernel);
  convolve(between, clamped(data), { outer: 1, length: height, inner: 3 * width }, kernel);
}

/** Convolves along the middle axis of `[outer, length, inner]` with a symmetric kernel, given from its centre on. */
function convolve(
  from: Uint8Array | Float32Array,
  to: Float32Array | Uint8ClampedArray,
  { outer, length, inner }: { readonly outer: number; readonly length: number; readonly inner: number },
  kernel: Float64Array,
): void {
  const sums = new Float64Array(inner);
  for (let o = 0; o < outer; o++) {
    const base = o * length * inner;
    for (let at = 0; at < length; at++) {
      const target = base + at * inner;
      for (let k = 0; k < inner; k++) sums[k] = kernel[0]! * from[target + k]!;
      for (let i = 1; i < kernel.length; i++) {
        const before = base + inner * Math.max(at - i, 0);
        const after = base + inner * Math.min(at + i, length - 1);
        for (let k = 0; k < inner; k++) sums[k]! += kernel[i]! * (from[before + k]! + from[after + k]!);
      }
      for (let k = 0; k < inner; k++) to[target + k] = sums[k]!;
    }
  }
}
