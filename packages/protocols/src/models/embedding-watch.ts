import { check } from '@protomem/core';

/** Two embeddings nearer than this share of their length are the same: a cosine of 1 to six digits. */
const SAME = 1e-3;

/** Looks at embeddings as they come: whether they are numbers, and whether every image gives the same. */
export function embeddingWatch(file: string) {
  let first: Float32Array | undefined;
  let [images, alike] = [0, true];
  return {
    /** @throws ProtomemError for embeddings that are not finite */
    see(values: Float32Array, width: number): void {
      for (let at = 0; at < values.length; at += width, images++) {
        first ??= values.slice(at, at + width);
        let [distance, length] = [0, 0];
        for (let k = 0; k < width; k++) {
          distance += (values[at + k]! - first[k]!) ** 2;
          length += first[k]! ** 2;
        }
        check(Number.isFinite(distance), () => ({
          where: file,
          what: `an embedding (image ${images + 1})`,
          got: 'not finite',
          expected: 'numbers',
          fix: 'Check the pixels that the model gets: --mean, --scale.',
        }));
        alike &&= distance <= SAME ** 2 * length;
      }
    },
    warnings(): readonly string[] {
      if (images < 2 || !alike) return [];
      return [
        `warning: the same vector for every one of ${images} images. Check the pixels that the model gets (--mean, --scale, --bgr), and its output (--output)`,
      ];
    },
  };
}
