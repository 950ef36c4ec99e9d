import { check, integer, lookUp, number } from '@protomem/core';
import type { Size } from './layer.ts';

/** Options of every built-in encoder. */
export interface EncoderOptions {
  /** Side of a square image, or [height, width], pixels; 16 to 4096. Default 112. */
  readonly inputSize?: number | Size;
  /** Width D of an embedding, 1 to 65536. Default: the publication's (IResNet 512, MobileFaceNet 128). */
  readonly embeddingSize?: number;
  /** Multiplies every channel count, rounded to multiples of 8, at least 8; 0.01 to 16. Default 1. */
  readonly width?: number;
  /** Share of features that dropout zeroes before the last linear layer, in training; 0 to less than 1. Default 0. */
  readonly dropout?: number;
  /**
   * In training, keep of each residual block only its input and compute the rest again on the way back: the same
   * training in less memory, with about a third more arithmetic. Default false.
   */
  readonly recompute?: boolean;
  /** Of the initial weights and, with each step's own seed, of dropout. Any safe integer >= 0. Default 0. */
  readonly seed?: number;
}

/** {@link EncoderOptions} with nothing left open. */
export interface ResolvedEncoderOptions extends Required<EncoderOptions> {
  readonly inputSize: Size;
}

/** Fills in defaults and checks everything, unknown keys too. */
export function resolveOptions(where: string, options: EncoderOptions, embeddingSize: number): ResolvedEncoderOptions {
  const defaults = { inputSize: 112, width: 1, dropout: 0, recompute: false, seed: 0, embeddingSize } as const;
  for (const key of Object.keys(options)) lookUp(where, 'option', defaults, key);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const all: Required<EncoderOptions> = { ...defaults, ...given };
  const sides = typeof all.inputSize === 'number' ? [all.inputSize, all.inputSize] : all.inputSize;
  check(Array.isArray(sides) && sides.length === 2, () => ({
    where,
    what: 'inputSize',
    got: all.inputSize,
    expected: 'a number of pixels or [height, width]',
  }));
  const [height, width] = sides.map((side) => integer(where, 'inputSize', side, 16, 4096));
  number(where, 'dropout', all.dropout, 0, 1);
  check(typeof all.recompute === 'boolean', () => ({
    where,
    what: 'recompute',
    got: all.recompute,
    expected: 'true or false',
  }));
  check(all.dropout < 1, () => ({ where, what: 'dropout', got: all.dropout, expected: 'a number less than 1' }));
  return {
    inputSize: [height!, width!],
    embeddingSize: integer(where, 'embeddingSize', all.embeddingSize, 1, 65536),
    width: number(where, 'width', all.width, 0.01, 16),
    dropout: all.dropout,
    recompute: all.recompute,
    seed: integer(where, 'seed', all.seed, 0),
  };
}

/** A published channel count at a width multiplier: the nearest multiple of 8, at least 8. */
export function widened(channels: number, width: number): number {
  return Math.max(8, Math.round((channels * width) / 8) * 8);
}
