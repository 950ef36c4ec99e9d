import * as tf from '@tensorflow/tfjs';

/** A change that must wait until the backward pass of its step has read the buffers that it changes. */
export class Deferred {
  private values: tf.Tensor2D | undefined;
  private change: ((values: tf.Tensor2D) => void) | undefined;

  /** Puts a change off. `values` are kept until then, beyond the surrounding tidy. */
  set(values: tf.Tensor2D, change: (values: tf.Tensor2D) => void): void {
    this.values = tf.keep(values);
    this.change = change;
  }

  /** Makes the change, if there is one. */
  flush(): void {
    if (this.values) this.change!(this.values);
    this.drop();
  }

  /** Forgets the change, if there is one. */
  drop(): void {
    this.values?.dispose();
    this.values = undefined;
  }
}
