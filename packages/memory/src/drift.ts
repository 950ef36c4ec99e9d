import { unitRows } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import type { PrototypeStore } from './prototype-store.ts';

/**
 * A store whose rows move with the encoder (choice C10, drift compensation): what is read is
 * `normalize(row + moved since the row was written)`. The movement is one vector for all, so that a step costs no more
 * than adding it up; rows are kept less the movement that was on the day they were written.
 */
export class DriftingStore implements PrototypeStore {
  /** Rows as they are kept. */
  readonly kept: PrototypeStore;
  private readonly total: tf.Variable<tf.Rank.R2>;

  constructor(kept: PrototypeStore, dimension: number) {
    this.kept = kept;
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
