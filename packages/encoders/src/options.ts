import { type Option, type OptionsOf, option, readOptions } from '@protomem/core';
import type { Size } from './layer.ts';

const side = option.integer({
  help: 'Side of a square image, or [height, width], pixels.',
  ...{ min: 16, max: 4096, default: 112 },
});

const sidesOf = (size: number | Size): Size => (typeof size === 'number' ? [size, size] : size);

/** Options of every built-in encoder. */
export const encoderOptions = {
  inputSize: {
    ...side,
    expected: `${side.expected}, or two of them`,
    accepts: (size: unknown) => {
      const sides = sidesOf(size as Size);
      return Array.isArray(sides) && sides.length === 2 && sides.every(side.accepts);
    },
  } as Option<number | Size, 'default'>,
  embeddingSize: option.integer({
    help: 'Width of an embedding, D.',
    ...{ min: 1, max: 65536, absent: "the publication's: IResNet 512, MobileFaceNet 128" },
  }),
  width: option.number({
    help: 'Multiplies every channel count, rounded to multiples of 8, at least 8.',
    ...{ min: 0.01, max: 16, default: 1 },
  }),
  dropout: option.number({
    help: 'Share of features that dropout zeroes before the last linear layer, in training.',
    ...{ min: 0, max: 0.99, default: 0 },
  }),
  /** The rest is computed again on the way back: the same training in less memory, with a third more arithmetic. */
  recompute: option.flag({ help: 'In training, keep of each residual block only its input.', default: false }),
  seed: option.integer({
    help: "Of the initial weights and, with each step's own seed, of dropout.",
    ...{ min: 0, default: 0 },
  }),
};

export interface EncoderOptions extends OptionsOf<typeof encoderOptions> {}

/** {@link EncoderOptions} with nothing left open. */
export interface ResolvedEncoderOptions extends Required<EncoderOptions> {
  readonly inputSize: Size;
}

/** Fills in defaults and checks everything, unknown keys too. */
export function resolveOptions(where: string, given: EncoderOptions, embeddingSize: number): ResolvedEncoderOptions {
  const options = readOptions(where, encoderOptions, given);
  return { ...options, inputSize: sidesOf(options.inputSize), embeddingSize: options.embeddingSize ?? embeddingSize };
}

/** A published channel count at a width multiplier: the nearest multiple of 8, at least 8. */
export function widened(channels: number, width: number): number {
  return Math.max(8, Math.round((channels * width) / 8) * 8);
}
