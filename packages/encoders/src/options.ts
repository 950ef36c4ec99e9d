import { check, type Option, type Options, type OptionsOf, option, readOptions, type Settings } from '@protomem/core';
import type { Size } from './layer.ts';

const isSide = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 16 && Number(value) <= 4096;

const inputSize = (sides: string): Option<number | Size, 'default'> => ({
  help: `Side of a square image, or [height, width], pixels. ${sides}`,
  expected: 'an integer in [16, 4096], or [height, width] of such',
  accepts: (value) => (Array.isArray(value) ? value.length === 2 && value.every(isSide) : isSide(value)),
  default: 112,
  configurable: true,
});

/** How the help texts of a family differ from those of most. */
export interface EncoderWords {
  /** What becomes of an image's sides. */
  readonly sides?: string;
  /** What a width means. */
  readonly width?: string;
}

/** What every family is made with; an embedding's default width is the publication's. */
export const encoderOptions = (
  embeddingSize: number,
  {
    sides = 'Sides are halved four times, rounded up.',
    width = 'Multiplies every channel count, rounded to multiples of 8, at least 8.',
  }: EncoderWords = {},
) => ({
  inputSize: inputSize(sides),
  embeddingSize: option.integer({ help: 'Width of an embedding.', min: 1, max: 65536, default: embeddingSize }),
  width: option.number({ help: width, min: 0.01, max: 16, default: 1 }),
  dropout: option.number({
    help: 'Share of features that dropout zeroes before the last linear layer, in training; less than 1.',
    min: 0,
    max: 1,
    default: 0,
  }),
  /** The same training, with about a third more arithmetic. */
  recompute: option.flag({
    help: 'In training, keep of each residual block only its input and compute the rest again on the way back: less memory.',
    default: false,
  }),
  /** The seed of each step's dropout is joined with it. */
  seed: option.integer({ help: 'Of the initial weights and of dropout.', min: 0, default: 0 }),
});

/** Declarations of a family's options. */
export type EncoderOptionSpec = ReturnType<typeof encoderOptions>;

/** Options of every built-in encoder. */
export type EncoderOptions = OptionsOf<EncoderOptionSpec>;

/** {@link EncoderOptions} with nothing left open. */
export type ResolvedEncoderOptions = Omit<Settings<EncoderOptionSpec>, 'inputSize'> & { readonly inputSize: Size };

/** Fills in defaults and checks everything, unknown keys too. */
export function resolveOptions<X extends Options>(
  where: string,
  spec: EncoderOptionSpec & X,
  given: EncoderOptions & OptionsOf<X>,
): ResolvedEncoderOptions & Settings<X> {
  const { inputSize: size, ...others } = readOptions<EncoderOptionSpec>(where, spec, given);
  const { dropout } = others;
  check(dropout < 1, () => ({ where, what: 'dropout', got: dropout, expected: 'a number less than 1' }));
  // What `spec` has of the family's own is among the others.
  return { inputSize: typeof size === 'number' ? [size, size] : size, ...others } as ResolvedEncoderOptions &
    Settings<X>;
}

/** A published channel count at a width multiplier: the nearest multiple of 8, at least 8. */
export function widened(channels: number, width: number): number {
  return Math.max(8, Math.round((channels * width) / 8) * 8);
}
