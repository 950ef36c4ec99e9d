import { type Collective, packBfloat16, unitRows, unpackBfloat16, updateRows } from '@protomem/engine';
import { type Mask, ownCount, ownOf, rowsOfRanks } from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';

/** Where prototypes are kept (choice C9). */
export interface PrototypeStore {
  /** Bytes that the prototypes take, in this process. */
  readonly bytes: number;
  /** Rows `from` ... `from + count - 1` of this process, `[count, D]`; the caller's. It may share the store's buffer. */
  block(from: number, count: number): tf.Tensor2D;
  /** Rows at `slots`, `[n, D]`; a copy, the caller's. */
  rows(slots: tf.Tensor1D): tf.Tensor2D;
  /** Overwrites rows. */
  write(slots: Int32Array, values: tf.Tensor2D): void;
  /** What `values` would read as once written; the caller's. Undefined when they would not change. */
  rounded?(values: tf.Tensor2D): tf.Tensor2D;
  dispose(): void;
}

/** The prototypes in memory: the first `count` slots, of which each rank has its rows in the store. */
export interface Columns {
  readonly count: number;
  readonly store: PrototypeStore;
  /** Among whom the slots are divided; one process alone has all of them. */
  readonly ranks: Collective;
}

/** What this rank has of the columns: how many rows, and those of its rows that do not count. */
export function ownColumns({ count, ranks }: Columns, excluded: Int32Array, guarded: Mask) {
  const { places, rows } = ownOf(guarded.columns, ranks);
  return {
    count: ownCount(count, ranks),
    excluded: Int32Array.from(ownOf(excluded, ranks).rows),
    guarded: { rows: places.map((place) => guarded.rows[place]!), columns: rows } satisfies Mask,
  };
}

/** Columns to take at a time, so that the logits of these rows take no more than `logitBytes`. */
export function blockOf(rows: tf.Tensor2D, { logitBytes }: { readonly logitBytes: number }): number {
  return Math.max(1, Math.floor(logitBytes / (4 * rows.shape[0])));
}

/** The stored prototypes of slots, `[n, D]`; the first row for a slot of -1. */
export function storedRows(store: PrototypeStore, slots: readonly number[]): tf.Tensor2D {
  return tf.tidy(() =>
    store.rows(
      tf.tensor1d(
        slots.map((slot) => Math.max(slot, 0)),
        'int32',
      ),
    ),
  );
}

/**
 * - `float32`: 4 bytes a value.
 * - `bfloat16`: 2 bytes a value, rounded to 8 significant bits, which moves a unit vector by about 0.1 degrees; on
 *   engines `node` and `node-gpu`, for an even width. Blocks are unpacked as they are read, which costs time.
 */
export const stores = { float32, bfloat16 } as const;

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

/** A store of which this process keeps the rows of its slots, `kept`. */
export function divided(kept: PrototypeStore, ranks: Collective): PrototypeStore {
  if (ranks.size === 1) return kept;
  return {
    ...kept,
    rows: (slots) => rowsOfRanks(slots, ranks, kept.rows),
    write(slots, values) {
      const { places, rows } = ownOf(slots, ranks);
      if (rows.length === 0) return;
      tf.tidy(() => kept.write(Int32Array.from(rows), tf.gather(values, tf.tensor1d(places, 'int32'))));
    },
  };
}

function empty(rows: number, width: number): tf.Variable<tf.Rank.R2> {
  // On the device: `tf.zeros` makes a host array of the same size first.
  return tf.tidy(() => tf.variable(tf.fill<tf.Rank.R2>([rows, width], 0), false));
}

/**
 * A store whose rows move with the encoder (choice C10, drift compensation): what is read is
 * `normalize(row + moved since the row was written)`. The movement is one vector for all, so that a step costs no more
 * than adding it up; rows are kept less the movement that was on the day they were written.
 */
export class DriftingStore implements PrototypeStore {
  /** Rows as they are kept. */
  readonly kept: PrototypeStore;
  readonly rounded: PrototypeStore['rounded'];
  private readonly total: tf.Variable<tf.Rank.R2>;

  constructor(kept: PrototypeStore, dimension: number) {
    this.kept = kept;
    const { rounded } = kept;
    this.rounded =
      rounded && ((values) => tf.tidy(() => tf.add(rounded(tf.sub(values, this.total)), this.total) as tf.Tensor2D));
    this.total = tf.tidy(() => tf.variable(tf.zeros<tf.Rank.R2>([1, dimension]), false));
  }

  get bytes(): number {
    return this.kept.bytes;
  }

  block(from: number, count: number): tf.Tensor2D {
    return tf.tidy(() => unitRows(tf.add(this.kept.block(from, count), this.total)));
  }

  rows(slots: tf.Tensor1D): tf.Tensor2D {
    return tf.tidy(() => unitRows(tf.add(this.kept.rows(slots), this.total)));
  }

  write(slots: Int32Array, values: tf.Tensor2D): void {
    tf.tidy(() => this.kept.write(slots, tf.sub(values, this.total)));
  }

  /** Everything that is stored moves by `[1, D]`. */
  move(by: tf.Tensor2D): void {
    tf.tidy(() => this.total.assign(tf.add(this.total, by)));
  }

  /** The movement so far, D values. */
  moved(): Float32Array {
    return Float32Array.from(this.total.dataSync());
  }

  restoreMoved(values: Float32Array): void {
    tf.tidy(() => this.total.assign(tf.tensor2d(values.slice(), [1, values.length])));
  }

  dispose(): void {
    this.kept.dispose();
    this.total.dispose();
  }
}
