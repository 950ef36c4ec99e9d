/** An RGB image in memory: `[height, width, 3]`, row-major, 0 ... 255. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
}

/** Luma weights of ITU-R BT.601, as greyscale conversions of photographs use. */
export const LUMA = [0.299, 0.587, 0.114] as const;

/** The same bytes seen through an array that rounds and clips what is stored: faster than doing either by hand. */
export function clamped(data: Uint8Array): Uint8ClampedArray {
  return new Uint8ClampedArray(data.buffer, data.byteOffset, data.length);
}

let copy = new Uint8Array(0);

/** A copy to read from while the image is written anew; good until the next call. */
export function copyOf(data: Uint8Array): Uint8Array {
  if (copy.length < data.length) copy = new Uint8Array(data.length);
  copy.set(data);
  return copy;
}
