import { check } from '@protomem/core';
import { packBfloat16, unpackBfloat16, updateRows } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';

/** Where prototypes are kept (choice C9). */
export interface PrototypeStore {
  /** Bytes that the prototypes take. */
  readonly bytes: number;
  /** Rows `from` ... `from + count - 1`, `[count, D]`; the caller's. It may share the store's buffer. */
  block(from: number, count: number): tf.Tensor2D;
  /** Rows at `slots`, `[n, D]`; a copy, the caller's. */
  rows(slots: tf.Tensor1D): tf.Tensor2D;
  /** Overwrites rows. */
  write(slots: Int32Array, values: tf.Tensor2D): void;
  /** What `values` would read as once written; the caller's. Undefined when they would not change. */
  rounded?(values: tf.Tensor2D): tf.Tensor2D;
  dispose(): void;
}

/**
 * - `float32`: 4 bytes a value.
 * - `bfloat16`: 2 bytes a value, rounded to 8 significant bits, which moves a unit vector by about 0.1 degrees; on
 *   engines `node` and `node-gpu`, for an even width. Blocks are unpacked as they are read, which costs time.
 */
export const stores = { float32, bfloat16 } as const;

export type StorageName = keyof typeof stores;

function float32(size: number, dimension: number): PrototypeStore {
  const matrix = empty(size, dimension);
  return {
    bytes: 4 * size * dimension,
    block: (from, count) => tf.slice(matrix, [from, 0], [count, dimension]),
    rows: (slots) => tf.gather<tf.Tensor2D>(matrix, slots),
    write: (slots, values) => updateRows(matrix, slots, values),
    dispose: () => matrix.dispose(),
  };
}

function bfloat16(size: number, dimension: number): PrototypeStore {
  check(dimension % 2 === 0, () => ({
    where: 'createPrototypeMemory',
    what: 'dimension with storage "bfloat16"',
    got: dimension,
    expected: 'an even number',
  }));
  // Refused here, not at the first batch, where the engine has no such thing.
  tf.tidy(() => void packBfloat16(tf.zeros([1, dimension])));
  const packed = empty(size, dimension / 2);
  return {
    bytes: 2 * size * dimension,
    block: (from, count) => tf.tidy(() => unpackBfloat16(tf.slice(packed, [from, 0], [count, dimension / 2]))),
    rows: (slots) => tf.tidy(() => unpackBfloat16(tf.gather<tf.Tensor2D>(packed, slots))),
    write: (slots, values) => tf.tidy(() => updateRows(packed, slots, packBfloat16(values))),
    rounded: (values) => tf.tidy(() => unpackBfloat16(packBfloat16(values))),
    dispose: () => packed.dispose(),
  };
}

function empty(rows: number, width: number): tf.Variable<tf.Rank.R2> {
  // On the device: `tf.zeros` makes a host array of the same size first.
  return tf.tidy(() => tf.variable(tf.fill<tf.Rank.R2>([rows, width], 0), false));
}
