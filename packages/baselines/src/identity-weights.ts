import { integer, option, Random, type State, takeTensor } from '@protomem/core';
import { alone, type Collective, checkMemory, unitRows } from '@protomem/engine';
import {
  type KeptColumn,
  ownCount,
  probeStaleness,
  rowsOfRanks,
  type StalenessProbe,
  wholeOfRanks,
} from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';

/** The options of a head with a learnt weight for each identity. */
export const identityOptions = {
  identities: option.integer({ help: 'N, classes: labels are 0 ... N - 1.', min: 1, max: 2 ** 31 - 1 }),
  seed: option.integer({ help: 'Of the first weights, and of draws.', min: 0, default: 0 }),
};

/**
 * K learnt rows for each identity, side by side, and when images of each were last in a batch. Rows may be divided among ranks,
 * each of which has room for as many.
 */
export class IdentityWeights {
  /** `[identities * centers, dimension]`, or this rank's part of it. */
  readonly variable: tf.Variable<tf.Rank.R2>;
  private readonly centers: number;
  private readonly ranks: Collective;
  /** Rows of all ranks. */
  private readonly count: number;
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
    /** Matrices of that shape that a step of training holds at once. */
    matrices: number,
    ranks = alone,
  ) {
    const { identities, dimension, seed, centers = 1 } = options;
    const count = identities * centers;
    const own = ownCount(count, { ...ranks, rank: 0 });
    const fix =
      'Partial FC with fewer columns computes less, but takes as much: use Prototype Memory, DCQ or a smaller embedding.';
    checkMemory('a weight for each identity', 'number of rows', own, 4 * matrices * own * dimension, fix);
    const rng = new Random(seed);
    const first = new Float32Array(own * dimension);
    for (let row = 0; row < count; row++) {
      // Those of other ranks are drawn too, so that a row does not depend on how many there are.
      const isOwn = row % ranks.size === ranks.rank;
      const begin = Math.floor(row / ranks.size) * dimension;
      for (let i = 0; i < dimension; i++) {
        const value = rng.normal(0, 0.01);
        if (isOwn) first[begin + i] = value;
      }
    }
    this.variable = tf.tidy(() => tf.variable(tf.tensor2d(first, [own, dimension]), trainable));
    this.centers = centers;
    this.ranks = ranks;
    this.count = count;
    this.met = new Float64Array(identities);
  }

  /** Rows of any rank at unit length, `[n, D]`; of several ranks all call it together. */
  unitRowsOf(rows: readonly number[]): tf.Tensor2D {
    const read = (own: tf.Tensor1D): tf.Tensor2D => tf.gather(this.variable, own);
    return unitRows(rowsOfRanks(tf.tensor1d([...rows], 'int32'), this.ranks, read));
  }

  /** Takes note of a batch. */
  meet(labels: readonly number[]): void {
    this.step++;
    for (const label of labels) this.met[label] = this.step;
  }

  /** Of the nearest row of each identity. */
  stalenessProbe(where: string, fresh: tf.Tensor2D, ids: ArrayLike<number>): StalenessProbe[] {
    const { variable, centers } = this;
    const gather = (rows: readonly number[]): tf.Tensor2D => this.unitRowsOf(rows);
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

  /** Where rows are divided, whole on rank 0 alone, and {@link commonState} elsewhere; all call it together. */
  state(): State {
    const { values, tensors } = this.commonState();
    return { values, tensors: { ...this.whole('weight', this.variable), ...tensors } };
  }

  /** The state without the rows. */
  commonState(): State {
    const { met } = this;
    return {
      values: { step: this.step },
      tensors: { met: { dtype: 'F64', shape: [met.length], data: met.slice() } },
    };
  }

  /** A matrix of the shape of {@link variable}, put together under a name on rank 0. */
  whole(name: string, matrix: tf.Tensor2D): State['tensors'] {
    const dimension = matrix.shape[1];
    const read = (from: number, n: number): tf.Tensor2D => tf.slice(matrix, [from, 0], [n, dimension]);
    const data = wholeOfRanks(this.count, dimension, this.ranks, read);
    return data ? { [name]: { dtype: 'F32', shape: [this.count, dimension], data } } : {};
  }

  /** This rank's part of a saved matrix, checked; a copy. */
  partOf(where: string, state: State, name: string): Float32Array {
    const [own, dimension] = this.variable.shape;
    const saved = takeTensor(where, state.tensors, name, 'F32', [this.count, dimension]);
    const part = new Float32Array(own * dimension);
    for (let row = this.ranks.rank, at = 0; row < this.count; row += this.ranks.size, at++) {
      part.set(saved.subarray(row * dimension, (row + 1) * dimension), at * dimension);
    }
    return part;
  }

  restore(where: string, state: State): void {
    const { shape } = this.variable;
    const weight = this.partOf(where, state, 'weight');
    const met = takeTensor(where, state.tensors, 'met', 'F64', [this.met.length]);
    this.step = integer(where, 'step', state.values.step as number, 0);
    this.met.set(met);
    tf.tidy(() => this.variable.assign(tf.tensor2d(weight, shape)));
  }
}
