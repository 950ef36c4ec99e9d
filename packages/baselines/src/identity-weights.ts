import { integer, Random, type State, takeTensor } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import type { KeptColumn } from './staleness.ts';

/** One learnt row for each identity, and when images of each were last in a batch. */
export class IdentityWeights {
  readonly identities: number;
  readonly dimension: number;
  readonly variable: tf.Variable<tf.Rank.R2>;
  private step = 0;
  /** Step in which each identity was last met; 0: never. */
  private readonly met: Float64Array;

  /** Rows start as normal deviates of standard deviation 0.01. */
  constructor(
    where: string,
    options: { readonly identities: number; readonly dimension: number; readonly seed?: number },
    trainable: boolean,
  ) {
    this.identities = integer(where, 'identities', options.identities, 1, 2 ** 31 - 1);
    this.dimension = integer(where, 'dimension', options.dimension, 1);
    const rng = new Random(integer(where, 'seed', options.seed ?? 0, 0));
    const first = new Float32Array(this.identities * this.dimension);
    for (let i = 0; i < first.length; i++) first[i] = rng.normal(0, 0.01);
    this.variable = tf.tidy(() => tf.variable(tf.tensor2d(first, this.shape), trainable));
    this.met = new Float64Array(this.identities);
  }

  get shape(): [number, number] {
    return [this.identities, this.dimension];
  }

  /** Takes note of a batch. */
  meet(labels: readonly number[]): void {
    this.step++;
    for (const label of labels) this.met[label] = this.step;
  }

  find(id: number): KeptColumn | undefined {
    const met = this.met[id];
    return met ? { row: id, age: this.step - met } : undefined;
  }

  state(): State {
    return {
      values: { step: this.step },
      tensors: {
        weight: { dtype: 'F32', shape: this.shape, data: this.variable.dataSync<'float32'>().slice() },
        met: { dtype: 'F64', shape: [this.identities], data: this.met.slice() },
      },
    };
  }

  restore(where: string, state: State): void {
    const weight = takeTensor(where, state.tensors, 'weight', 'F32', this.shape);
    const met = takeTensor(where, state.tensors, 'met', 'F64', [this.identities]);
    this.step = integer(where, 'step', state.values.step as number, 0);
    this.met.set(met);
    // The backend may keep the array that it is given.
    tf.tidy(() => this.variable.assign(tf.tensor2d(weight.slice(), this.shape)));
  }
}
