/** Anything that turns faces into embeddings. */
export interface EmbeddingModel {
  /** `protomem`, `onnx` or `tfjs`, and what runs it. */
  readonly kind: string;
  readonly file: string;
  /**
   * Tells it from other models: of its weights, and of how it gets its pixels; `sha256:` and 32 hexadecimal digits. Two with the
   * same one give the same embeddings, wherever their files lie.
   */
  readonly fingerprint: string;
  /** Height and width, pixels. */
  readonly inputSize: readonly [height: number, width: number];
  readonly embeddingSize: number;
  /** What was recognised or guessed about a foreign model, a line each: its pixels, its output. */
  readonly notes: readonly string[];
  /** What the embeddings so far show: whether every image gives the same one. */
  warnings(): readonly string[];
  /**
   * Embeddings as the model gives them, `[count, embeddingSize]`; with `flip` those of the mirror images are added.
   *
   * @param pixels `[count, height, width, 3]`, RGB, 0 ... 255.
   */
  embed(pixels: Uint8Array, count: number, flip: boolean): Promise<Float32Array>;
  dispose(): Promise<void>;
}

/** A model before its embeddings are looked at as they come. */
export type UnwatchedModel = Omit<EmbeddingModel, 'warnings'>;

/** Divides each row by its length. */
export function normalizeRows(values: Float32Array, width: number): Float32Array {
  for (let at = 0; at < values.length; at += width) {
    let sum = 0;
    for (let k = 0; k < width; k++) sum += values[at + k]! ** 2;
    const scale = 1 / Math.max(Math.sqrt(sum), 1e-12);
    for (let k = 0; k < width; k++) values[at + k]! *= scale;
  }
  return values;
}
