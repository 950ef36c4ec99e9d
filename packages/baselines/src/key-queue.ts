import { check, integer, option, type State, takeTensor } from '@protomem/core';
import { checkMemory, unitRows, updateRows } from '@protomem/engine';
import { type KeptColumn, probeStaleness, type StalenessProbe } from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';

/** The slots of a queue or a pool. */
export const sizeOption = (help: string) => option.integer({ help, min: 1, max: 2 ** 31 - 1 });

/**
 * The embeddings that came last, at unit length, with their identities: first in, first out. Identities are float64, as
 * exact as a safe integer can be. Any size will do for any batch.
 */
export class KeyQueue {
  readonly size: number;
  readonly dimension: number;
  /** Batches put in. */
  step = 0;
  occupied = 0;
  /** The row that is written next. */
  private next = 0;
  private readonly labels: Float64Array;
  private readonly written: Float64Array;
  private readonly rows = new Map<number, Set<number>>();
  private readonly matrix: tf.Variable<tf.Rank.R2>;

  constructor(size: number, dimension: number) {
    this.size = size;
    this.dimension = dimension;
    const bytes = (4 * dimension + 16) * size;
    checkMemory('the queue of keys', 'size', size, bytes, 'Lower size (head.size of a run) or the embedding size.');
    this.labels = new Float64Array(this.size);
    this.written = new Float64Array(this.size);
    this.matrix = tf.tidy(() => tf.variable(tf.zeros<tf.Rank.R2>([this.size, this.dimension]), false));
  }

  /** `[occupied, D]`; may share its buffer with the queue, so that the next `put` changes it. */
  columns(): tf.Tensor2D {
    return this.occupied === this.size
      ? tf.clone<tf.Tensor2D>(this.matrix)
      : tf.slice(this.matrix, [0, 0], [this.occupied, this.dimension]);
  }

  /** The rows that an identity has, oldest first. */
  rowsOf(label: number): Iterable<number> {
    return this.rows.get(label) ?? [];
  }

  /**
   * Puts keys in, in place of the oldest ones; of more keys than there is room for, the last.
   *
   * @param keys `[B, D]`, at unit length; stay the caller's
   * @returns the row of each key that is in the queue now
   */
  put(keys: tf.Tensor2D, labels: readonly number[]): Int32Array {
    this.step++;
    const count = Math.min(labels.length, this.size);
    const skipped = labels.length - count;
    const rows = Int32Array.from({ length: count }, (_, i) => (this.next + i) % this.size);
    rows.forEach((row, i) => {
      if (row < this.occupied) this.unlink(row);
      else this.occupied = row + 1;
      this.labels[row] = labels[skipped + i]!;
      this.written[row] = this.step;
      this.link(row);
    });
    this.next = (this.next + count) % this.size;
    tf.tidy(() => updateRows(this.matrix, rows, skipped ? tf.slice(keys, [skipped, 0]) : keys));
    return rows;
  }

  /** Mean age of what is in the queue, in steps. */
  meanAge(): number {
    let sum = 0;
    for (let row = 0; row < this.occupied; row++) sum += this.step - this.written[row]!;
    return this.occupied > 0 ? sum / this.occupied : 0;
  }

  /** Of the newest key of each identity. */
  stalenessProbe(where: string, fresh: tf.Tensor2D, ids: ArrayLike<number>): StalenessProbe[] {
    const newest = (id: number): KeptColumn | undefined => {
      const row = [...this.rowsOf(id)].at(-1);
      return row === undefined ? undefined : { row, age: this.step - this.written[row]! };
    };
    return probeStaleness(where, fresh, ids, this.dimension, newest, (rows) =>
      unitRows(tf.gather(this.matrix, tf.tensor1d([...rows], 'int32'))),
    );
  }

  state(): State {
    const n = this.occupied;
    const columns = this.columns();
    const keys = columns.dataSync<'float32'>().slice();
    columns.dispose();
    return {
      values: { size: this.size, step: this.step, next: this.next },
      tensors: {
        keys: { dtype: 'F32', shape: [n, this.dimension], data: keys },
        labels: { dtype: 'F64', shape: [n], data: this.labels.slice(0, n) },
        written: { dtype: 'F64', shape: [n], data: this.written.slice(0, n) },
      },
    };
  }

  restore(where: string, state: State): void {
    const { size, step, next } = state.values as Record<'size' | 'step' | 'next', number>;
    check(size === this.size, () => ({ where, what: 'size of the saved queue', got: size, expected: `${this.size}` }));
    const labels = takeTensor(where, state.tensors, 'labels', 'F64', [null]);
    const n = integer(where, 'number of saved labels', labels.length, 0, this.size);
    const written = takeTensor(where, state.tensors, 'written', 'F64', [n]);
    const keys = takeTensor(where, state.tensors, 'keys', 'F32', [n, this.dimension]);
    labels.forEach((label, row) => {
      integer(where, `labels[${row}]`, label, 0);
    });
    this.step = integer(where, 'step', step, 0);
    this.next = integer(where, 'next', next, n < this.size ? n : 0, n < this.size ? n : this.size - 1);
    this.occupied = n;
    this.labels.set(labels);
    this.written.set(written);
    this.rows.clear();
    for (let i = 0; i < n; i++) this.link((this.next + i) % n);
    const rows = Int32Array.from({ length: n }, (_, row) => row);
    // The backend may keep the array that it is given.
    tf.tidy(() => updateRows(this.matrix, rows, tf.tensor2d(keys.slice(), [n, this.dimension])));
  }

  dispose(): void {
    this.matrix.dispose();
  }

  private link(row: number): void {
    const label = this.labels[row]!;
    const rows = this.rows.get(label);
    if (rows) rows.add(row);
    else this.rows.set(label, new Set([row]));
  }

  private unlink(row: number): void {
    const label = this.labels[row]!;
    const rows = this.rows.get(label)!;
    rows.delete(row);
    if (rows.size === 0) this.rows.delete(label);
  }
}
