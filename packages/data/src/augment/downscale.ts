import { clamped, type Pixels } from './pixels.ts';
import { resize } from './resize.ts';

/**
 * Takes away detail, in place: shrinks the image by averaging areas, then enlarges it to its old size, bilinear.
 *
 * Source: the low-resolution augmentation of Kim et al., "AdaFace" (CVPR 2022), section 4.1, which draws the kernel of
 * both steps at random; these are the two that are usual for their direction.
 *
 * @param size rows and columns in between, at most those of the image.
 */
export function downscale(
  { data, height, width }: Pixels,
  size: { readonly height: number; readonly width: number },
): void {
  const rows = shrink(data, { outer: 1, length: height, inner: 3 * width }, size.height);
  const small = shrink(rows, { outer: size.height, length: width, inner: 3 }, size.width);
  const whole = { top: 0, left: 0, ...size };
  resize(small, { ...size, channels: 3 }, whole, clamped(data), { height, width });
}

/** Averages along the middle axis of `[outer, length, inner]` down to `[outer, size, inner]`, parts of places counted as parts. */
function shrink(
  from: ArrayLike<number>,
  { outer, length, inner }: { readonly outer: number; readonly length: number; readonly inner: number },
  size: number,
): Float32Array {
  const to = new Float32Array(outer * size * inner);
  const scale = length / size;
  for (let i = 0; i < size; i++) {
    const [start, end] = [i * scale, (i + 1) * scale];
    for (let at = Math.floor(start); at < Math.min(end, length); at++) {
      const share = (Math.min(end, at + 1) - Math.max(start, at)) / scale;
      for (let o = 0; o < outer; o++) {
        const source = (o * length + at) * inner;
        const target = (o * size + i) * inner;
        for (let k = 0; k < inner; k++) to[target + k]! += share * from[source + k]!;
      }
    }
  }
  return to;
}
