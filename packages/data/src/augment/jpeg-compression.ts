import { clamped, type Pixels } from './pixels.ts';
import { resize } from './resize.ts';

/** Quantization steps of luma and chroma at quality 50: ITU-T T.81 (the JPEG standard), tables K.1 and K.2. */
const LUMA_STEPS = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
  87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
  72, 92, 95, 98, 112, 100, 103, 99,
];
const CHROMA_STEPS = [
  17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99,
  99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
  99, 99, 99, 99, 99, 99,
];

/** Orthonormal DCT-II of 8 values: row u, column x. */
const DCT = Float64Array.from({ length: 64 }, (_, i) => {
  const [u, x] = [i >> 3, i & 7];
  return (u === 0 ? Math.sqrt(1 / 8) : 1 / 2) * Math.cos(((2 * x + 1) * u * Math.PI) / 16);
});

/**
 * Does to an image what saving it as JPEG does, in place: YCbCr, chroma at half the resolution, quantized DCT of 8x8
 * blocks. The rest of JPEG loses nothing and is left out. Steps are the standard's, scaled by quality as libjpeg scales them.
 *
 * @param quality 1 (worst) to 100, integer.
 */
export function jpegCompression({ data, height, width }: Pixels, quality: number): void {
  const scale = quality < 50 ? Math.floor(5000 / quality) : 200 - 2 * quality;
  const steps = (base: readonly number[]): number[] =>
    base.map((step) => Math.min(Math.max(Math.floor((step * scale + 50) / 100), 1), 255));

  // Whole blocks of chroma; the outermost pixels go on beyond the border.
  const [rows, columns] = [16 * Math.ceil(height / 16), 16 * Math.ceil(width / 16)];
  const half = { height: rows / 2, width: columns / 2 };
  const luma = new Float32Array(rows * columns);
  const blue = new Float32Array(half.height * half.width);
  const red = new Float32Array(half.height * half.width);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const at = 3 * (Math.min(y, height - 1) * width + Math.min(x, width - 1));
      const [r, g, b] = [data[at]!, data[at + 1]!, data[at + 2]!];
      const pair = (y >> 1) * half.width + (x >> 1);
      luma[y * columns + x] = 0.299 * r + 0.587 * g + 0.114 * b - 128;
      blue[pair]! += (-0.168735892 * r - 0.331264108 * g + 0.5 * b) / 4;
      red[pair]! += (0.5 * r - 0.418687589 * g - 0.081312411 * b) / 4;
    }
  }
  quantize(luma, columns, steps(LUMA_STEPS));
  for (const plane of [blue, red]) quantize(plane, half.width, steps(CHROMA_STEPS));

  const chroma = [blue, red].map((plane) => {
    const whole = new Float32Array(rows * columns);
    resize(plane, { ...half, channels: 1 }, { top: 0, left: 0, ...half }, whole, { height: rows, width: columns });
    return whole;
  });
  const out = clamped(data);
  for (let y = 0, target = 0; y < height; y++) {
    for (let x = 0; x < width; x++, target += 3) {
      const at = y * columns + x;
      const [l, cb, cr] = [luma[at]! + 128, chroma[0]![at]!, chroma[1]![at]!];
      out[target] = l + 1.402 * cr;
      out[target + 1] = l - 0.344136286 * cb - 0.714136286 * cr;
      out[target + 2] = l + 1.772 * cb;
    }
  }
}

const block = new Float64Array(64);
const between = new Float64Array(64);

/** Rounds the DCT of each 8x8 block to whole steps, in place. */
function quantize(plane: Float32Array, width: number, steps: readonly number[]): void {
  for (let start = 0; start < plane.length; start += 8 * width) {
    for (let corner = start; corner < start + width; corner += 8) {
      for (let i = 0; i < 64; i++) block[i] = Math.round(plane[corner + (i >> 3) * width + (i & 7)]!);
      transform(DCT, block, between);
      transform(DCT, between, block);
      for (let i = 0; i < 64; i++) block[i] = steps[i]! * Math.round(block[i]! / steps[i]!);
      transform(INVERSE, block, between);
      transform(INVERSE, between, block);
      for (let i = 0; i < 64; i++) plane[corner + (i >> 3) * width + (i & 7)] = block[i]!;
    }
  }
}

const INVERSE = DCT.map((_, i) => DCT[8 * (i & 7) + (i >> 3)]!);

/** Multiplies each row of an 8x8 block by a matrix and lays the results out as columns: done twice, it is a DCT in 2D. */
function transform(matrix: Float64Array, from: Float64Array, to: Float64Array): void {
  for (let row = 0; row < 8; row++) {
    const at = 8 * row;
    // Eight locals instead of a loop: three times as fast.
    const a = from[at]!;
    const b = from[at + 1]!;
    const c = from[at + 2]!;
    const d = from[at + 3]!;
    const e = from[at + 4]!;
    const f = from[at + 5]!;
    const g = from[at + 6]!;
    const h = from[at + 7]!;
    for (let u = 0, m = 0; u < 8; u++, m += 8) {
      to[8 * u + row] =
        matrix[m]! * a +
        matrix[m + 1]! * b +
        matrix[m + 2]! * c +
        matrix[m + 3]! * d +
        matrix[m + 4]! * e +
        matrix[m + 5]! * f +
        matrix[m + 6]! * g +
        matrix[m + 7]! * h;
    }
  }
}
