import { Random } from '@protomem/core';
import type { InitialValues } from '../define-encoder.ts';
import type { EncoderOptions } from '../options.ts';

/** Small networks whose numbers PyTorch gave (`scripts/reference.py`): even and odd sizes, every kind of layer. */
export const referenceCases: readonly { readonly name: 'mobilefacenet' | 'iresnet18'; options: EncoderOptions }[] = [
  { name: 'mobilefacenet', options: { width: 0.25, inputSize: 32, embeddingSize: 16 } },
  { name: 'mobilefacenet', options: { width: 0.125, inputSize: [40, 35], embeddingSize: 8 } },
  { name: 'iresnet18', options: { width: 0.125, inputSize: 32, embeddingSize: 16 } },
  { name: 'iresnet18', options: { width: 0.125, inputSize: [37, 24], embeddingSize: 8 } },
];

/** Images in a batch of {@link referenceImages}. */
export const referenceBatch = 4;

/** Values for every weight that differ from what a network starts with, so that a mix-up of two shows. */
export function referenceValues(): InitialValues {
  const random = new Random(1804, 7573);
  return ({ name, shape }) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const [low, high] = range(name, size / (shape.at(-1) ?? 1));
    return Float32Array.from({ length: size }, () => random.uniform(low, high));
  };
}

function range(name: string, fanIn: number): [number, number] {
  if (/running_mean|bias/.test(name)) return [-0.3, 0.3];
  if (/running_var/.test(name)) return [0.5, 1.5];
  if (fanIn === 1) return [0.2, 1.2];
  const bound = Math.sqrt(3 / fanIn);
  return [-bound, bound];
}

/** RGB values of `[referenceBatch, height, width, 3]`. */
export function referenceImages([height, width]: readonly [number, number]): Uint8Array {
  const random = new Random(2018);
  return Uint8Array.from({ length: referenceBatch * height * width * 3 }, () => random.below(256));
}
