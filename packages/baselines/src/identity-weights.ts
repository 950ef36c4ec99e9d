import { integer, option, Random, type State, takeTensor } from '@protomem/core';
import { checkMemory, unitRows } from '@protomem/engine';
import { type KeptColumn, probeStaleness, type StalenessProbe } from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';

/** The options of a head with a learnt weight for each identity. */
export const identityOptions = {
  identities: option.integer({ help: 'N, classes: labels are 0 ... N - 1.', min: 1, max: 2 ** 31 - 1 }),
  seed: option.integer({ help: 'Of the first weights, and of draws.', min: 0, default: 0 }),
};

/** K learnt rows for each identity, side by side, and when images of each were last in a batch. */
export class IdentityWeights {
  /** `[identities * centers, dimension]` */
  readonly variable: tf.Variable<tf.Rank.R2>;
  private readonly centers: number;
  private step = 0;
  /** Step in which each identity was last met; 0: never. */
  private readonly met: Float64Array;

  /** Rows start as normal deviates of standard deviation 0.01. */
  constructor(
    options: {
      readonly identities: number;
      readonly dimension: number;
      readonly seed: number;
      /** K. Default 1. */
      readonly centers?: number;
    },
    trainable: boolean,
  ) {
    const { identities, dimension, seed, centers = 1 } = options;
    const count = identities * centers;
    const fix =
      'Partial FC with fewer columns computes less, but takes as much: use Prototype Memory, DCQ or a smaller embedding.';
    checkMemory('a weight for each identity', 'number of rows', count, 4 * count * dimension, fix);
    const rng = new Random(seed);
    const first = new Float32Array(identities * centers * dimension);
    for (let i = 0; i < first.length; i++) first[i] = rng.normal(0, 0.01);
    this.variable = tf.tidy(() => tf.variable(tf.tensor2d(first, [identities * centers, dimension]), trainable));
    this.centers = centers;
    this.met = new Float64Array(identities);
  }

  /** Takes note of a batch. */
  meet(labels: readonly number[]): void {
    this.step++;
    for (const label of labels) this.met[label] = this.step;
  }

  /** Of the nearest row of each identity. */
  stalenessProbe(where: string, fresh: tf.Tensor2D, ids: ArrayLike<number>): StalenessProbe[] {
    const { variable, centers } = this;
    const gather = (rows: readonly number[]): tf.Tensor2D =>
      unitRows(tf.gather(variable, tf.tensor1d([...rows], 'int32')));
    const ofCenter = (center: number): StalenessProbe[] => {
      const find = (id: number): KeptColumn | undefined => {
        const met = this.met[id];
        return met ? { row: id * centers + center, age: this.step - met } : undefined;
      };
      return probeStaleness(where, fresh, ids, variable.shape[1], find, gather);
    };
    const probes = Array.from({ length: centers }, (_, center) => ofCenter(center));
    return probes[0]!.map((probe, i) => ({ ...probe, cosine: Math.max(...probes.map((all) => all[i]!.cosine)) }));
  }

  state(): State {
    const { variable, met } = this;
    return {
      values: { step: this.step },
      tensors: {
        weight: { dtype: 'F32', shape: variable.shape, data: variable.dataSync<'float32'>().slice() },
        met: { dtype: 'F64', shape: [met.length], data: met.slice() },
      },
    };
  }

  restore(where: string, state: State): void {
    const { shape } = this.variable;
    const weight = takeTensor(where, state.tensors, 'weight', 'F32', shape);
    const met = takeTensor(where, state.tensors, 'met', 'F64', [this.met.length]);
    this.step = integer(where, 'step', state.values.step as number, 0);
    this.met.set(met);
    // The backend may keep the array that it is given.
    tf.tidy(() => this.variable.assign(tf.tensor2d(weight.slice(), shape)));
  }
}
