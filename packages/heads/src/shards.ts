import { check } from '@protomem/core';
import type { CosineLoss } from '@protomem/core/contracts';
import { alone, type Collective, collective, MASKED_LOGIT } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';

// Columns that are divided among processes. They are numbered 0, 1, ... and dealt to the ranks in turns, so that all have as
// many, also while a memory fills: number n is row `floor(n / size)` of rank `n % size`. One process alone has all of them.

/** Whom the options `shardOptions` divide columns among. */
export const ranksOfShards = (options: { readonly sharded: boolean; readonly collective?: Collective }): Collective =>
  options.sharded ? (options.collective ?? collective()) : alone;

/** Refuses a loss that wants all cosines at once, where no process has all columns. */
export function checkDivisible(where: string, loss: CosineLoss, { size }: Collective): void {
  check(size === 1 || 'form' in loss, () => ({
    where,
    what: `the loss on columns divided among ${size} ranks`,
    got: loss.name || 'a function without a name',
    expected: 'one with a `form`: a sum over columns that ranks can share',
    fix: 'Take a softmax loss such as cosFace, or leave sharded out.',
  }));
}

/** Which of the processes this is, of how many. */
type Place = Pick<Collective, 'rank' | 'size'>;

/** How many of the first `count` columns a rank has; most that any has: `rank` 0. */
export const ownCount = (count: number, { rank, size }: Place): number => Math.max(0, Math.ceil((count - rank) / size));

/** The number of a row of this rank. */
export const numberOf = (row: number, { rank, size }: Place): number => row * size + rank;

/** Those of some columns that this rank has: their places among `numbers`, and their rows here. */
export function ownOf(numbers: ArrayLike<number>, { rank, size }: Place): { places: number[]; rows: number[] } {
  const places: number[] = [];
  const rows: number[] = [];
  for (let i = 0; i < numbers.length; i++) {
    if (numbers[i]! % size !== rank) continue;
    places.push(i);
    rows.push((numbers[i]! - rank) / size);
  }
  return { places, rows };
}

/**
 * Rows of any rank, bit for bit; all ranks call it together with the same numbers.
 *
 * @param numbers `[n]`, int32
 * @param read rows of this rank, `[n]` to `[n, D]`, float32
 * @returns `[n, D]`; the caller's
 */
export function rowsOfRanks(
  numbers: tf.Tensor1D,
  { rank, size, allReduce }: Pick<Collective, 'rank' | 'size' | 'allReduce'>,
  read: (rows: tf.Tensor1D) => tf.Tensor2D,
): tf.Tensor2D {
  if (size === 1) return read(numbers);
  return tf.tidy(() => {
    const rows = tf.floorDiv(numbers, tf.scalar(size, 'int32')) as tf.Tensor1D;
    const isOwn = tf.equal(tf.sub(numbers, tf.mul(rows, tf.scalar(size, 'int32'))), tf.scalar(rank, 'int32'));
    // The one number that changes none it is added to: 0 would make 0 of -0.
    const found = tf.where(tf.expandDims(isOwn, 1), read(rows) as tf.Tensor, tf.scalar(-0)) as tf.Tensor2D;
    return allReduce([found], 'sum')[0]!;
  });
}

/** Bytes that travel at a time for {@link wholeOfRanks}. */
const PIECE_BYTES = 2 ** 25;

/**
 * The first `count` columns of all ranks, in their order, on rank 0; all ranks call it together. Besides them rank 0 holds some
 * tens of MB, and the others no more than that.
 *
 * @param read rows `from` ... `from + n - 1` of this rank, `[n, D]`, float32; those that it does not have count for nothing
 * @returns count x D values; undefined on other ranks
 */
export function wholeOfRanks(
  count: number,
  dimension: number,
  { rank, size, allGather }: Pick<Collective, 'rank' | 'size' | 'allGather'>,
  read: (from: number, n: number) => tf.Tensor2D,
): Float32Array | undefined {
  const whole = rank === 0 ? new Float32Array(count * dimension) : undefined;
  const most = Math.ceil(count / size);
  const piece = Math.max(1, Math.floor(PIECE_BYTES / (4 * size * dimension)));
  for (let from = 0; from < most; from += piece) {
    const n = Math.min(piece, most - from);
    tf.tidy(() => {
      const all = allGather(read(from, n));
      if (!whole) return;
      const inTurns = tf.reshape(tf.transpose(tf.reshape(all, [size, n, dimension]), [1, 0, 2]), [-1]);
      const begin = from * size * dimension;
      whole.set(inTurns.dataSync<'float32'>().subarray(0, whole.length - begin), begin);
    });
  }
  return whole;
}

/** What the exponentials of logits sum up to, row by row, relative to `exp(top)`. */
export type SoftmaxSums = {
  /** Highest logit, `[B, 1]`. */
  readonly top: tf.Tensor2D;
  /** Sum of exponentials, `[B, 1]`. */
  readonly sum: tf.Tensor2D;
  /** The sum's gradients to what the logits were made of, `[B, D]` or `[B]` each; empty when none is asked for. */
  readonly gradients: tf.Tensor[];
};

/** Sums over no columns at all, with gradients of these shapes. */
export const noSums = (batch: number, shapes: readonly number[][]): SoftmaxSums => ({
  top: tf.fill([batch, 1], MASKED_LOGIT),
  sum: tf.zeros([batch, 1]),
  gradients: shapes.map((shape) => tf.zeros(shape)),
});

/** The same sums relative to a higher logit. */
function relativeTo(top: tf.Tensor2D, sums: SoftmaxSums): SoftmaxSums {
  const fade = tf.exp(tf.sub(sums.top, top)) as tf.Tensor2D;
  const fadeRow = tf.squeeze(fade, [1]);
  return {
    top,
    sum: tf.mul(sums.sum, fade),
    gradients: sums.gradients.map((gradient) => tf.mul(gradient, gradient.rank === 2 ? fade : fadeRow)),
  };
}

/** Sums over some columns and over a block of others, whose `top` is the highest of both; the surrounding tidy's. */
export function addSums(before: SoftmaxSums | undefined, block: SoftmaxSums): SoftmaxSums {
  if (!before) return block;
  const { top, sum, gradients } = relativeTo(block.top, before);
  return {
    top,
    sum: tf.add(sum, block.sum),
    gradients: gradients.map((gradient, i) => tf.add(gradient, block.gradients[i]!)),
  };
}

/**
 * Sums over the columns of all ranks, of each rank's over its own: the highest logit, then the rest, as Partial FC does. The
 * gradients are then those of the whole softmax, on every rank. All ranks call it together.
 *
 * @returns the surrounding tidy's; of one process alone `own`
 */
export function sumsOfRanks(
  own: SoftmaxSums,
  { size, allReduce }: Pick<Collective, 'size' | 'allReduce'>,
): SoftmaxSums {
  if (size === 1) return own;
  const [top] = allReduce([own.top], 'max') as [tf.Tensor2D];
  const { sum, gradients } = relativeTo(top, own);
  const [total, ...rest] = allReduce<tf.Tensor>([sum, ...gradients], 'sum');
  return { top, sum: total as tf.Tensor2D, gradients: rest };
}
