/** How a model is written, decided. */
export interface WriteSettings {
  /** Whether the graph takes bytes 0 ... 255, or (pixel - 127.5) / 127.5. */
  readonly normalize: 'inside' | 'outside';
  /** Add the embedding of the mirror image, in the graph. */
  readonly flip: boolean;
  /** For int8 the ranges that it is calibrated with are needed, too. */
  readonly precision: 'float32' | 'float16' | 'int8';
  readonly opset: number;
  /** What a model tells about itself, where its format has a place for it. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Mean and scale of pixels as consumers of face models have them, unless the model normalises them itself. */
export const PLAIN = 127.5;

/**
 * What a model that gets (pixel - 127.5) / 127.5 does to have the pixels that its encoder was trained on: a line of each
 * channel; nothing where they are the same.
 */
export function fromPlainPixels({ mean, std }: { readonly mean: number; readonly std: number }) {
  if (mean === PLAIN && std === PLAIN) return undefined;
  const [scale, shift] = [PLAIN / std, (PLAIN - mean) / std];
  return { scale: new Float32Array(3).fill(scale), shift: new Float32Array(3).fill(shift) };
}
