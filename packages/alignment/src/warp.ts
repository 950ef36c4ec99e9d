import { check } from '@protomem/core';
import { invertSimilarity, type Similarity } from './similarity.ts';

/** A decoded image: RGB, `[height, width, 3]`, row-major. */
export interface Photo {
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/**
 * Carries an image through a similarity transform: each pixel of the result is looked up where it came from, between
 * pixels bilinearly; what lies outside the image is black. Where the transform shrinks, a pixel of the result is the mean over
 * the square that it covers in the image, taken at points at most one pixel of the image apart: no aliasing.
 *
 * @param photo the image.
 * @param transform from coordinates of the image to those of the result; whole numbers are centres of pixels.
 * @param size width and height of the result, pixels.
 * @returns the result, rounded to whole numbers.
 *
 * Enlarging, it is what OpenCV's `warpAffine` with bilinear interpolation and a black border computes, without its
 * rounding of coordinates to 1/32 pixel; shrinking, `warpAffine` skips pixels and this does not.
 */
export function warpPhoto(photo: Photo, transform: Similarity, size: { width: number; height: number }): Photo {
  const { pixels, width, height } = photo;
  const scale = Math.hypot(transform.a, transform.b);
  check(Number.isFinite(scale) && scale > 0, () => ({
    where: 'warpPhoto',
    what: 'the scale of transform',
    got: scale,
    expected: 'a finite number above 0',
  }));
  const back = invertSimilarity(transform);
  const samples = Math.ceil(1 / scale - 1e-9);
  const weight = 1 / (samples * samples);
  const result = new Uint8Array(size.width * size.height * 3);
  for (let row = 0; row < size.height; row++) {
    for (let column = 0; column < size.width; column++) {
      let [red, green, blue] = [0, 0, 0];
      for (let sample = 0; sample < samples * samples; sample++) {
        const u = column + ((sample % samples) + 0.5) / samples - 0.5;
        const v = row + (Math.floor(sample / samples) + 0.5) / samples - 0.5;
        const x = back.a * u - back.b * v + back.tx;
        const y = back.b * u + back.a * v + back.ty;
        const left = Math.floor(x);
        const top = Math.floor(y);
        for (let corner = 0; corner < 4; corner++) {
          const i = left + (corner & 1);
          const j = top + (corner >> 1);
          if (i < 0 || i >= width || j < 0 || j >= height) continue;
          const share = (1 - Math.abs(x - i)) * (1 - Math.abs(y - j));
          const at = (j * width + i) * 3;
          red += share * pixels[at]!;
          green += share * pixels[at + 1]!;
          blue += share * pixels[at + 2]!;
        }
      }
      const at = (row * size.width + column) * 3;
      result[at] = Math.round(red * weight);
      result[at + 1] = Math.round(green * weight);
      result[at + 2] = Math.round(blue * weight);
    }
  }
  return { pixels: result, ...size };
}
