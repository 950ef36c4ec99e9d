/** An RGB image in memory: `[height, width, 3]`, row-major, 0 ... 255. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
}

/** Luma weights of ITU-R BT.601, as greyscale conversions of photographs use. */
export const LUMA = [0.299, 0.587, 0.114] as const;
