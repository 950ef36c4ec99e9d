import * as tf from '@tensorflow/tfjs';

/** A write that must wait until the backward pass of its step has read the buffers that it changes. */
export class PendingWrite {
  private values: tf.Tensor2D | undefined;
  private write: ((values: tf.Tensor2D) => void) | undefined;

  /** Puts a write off. `values` are kept until then, beyond the surrounding tidy. */
  set(values: tf.Tensor2D, write: (values: tf.Tensor2D) => void): void {
    this.values = tf.keep(values);
    this.write = write;
  }

  /** Writes, if there is something to write. */
  flush(): void {
    if (this.values) this.write!(this.values);
    this.drop();
  }

  /** Forgets the write, if there is one. */
  drop(): void {
    this.values?.dispose();
    this.values = undefined;
  }
}
