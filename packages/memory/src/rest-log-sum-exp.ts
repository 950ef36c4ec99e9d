import type { SoftmaxForm, TargetTerms } from '@protomem/core/contracts';
import { detachedGradients, isRecording } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import type { RivalWatch } from './rival-pairs.ts';

/** The logit of a column that is not to count: its exponential is 0 beside any other, and its gradient too. */
export const OUT = -1e30;

/** Unit columns that come in parts. */
export interface Columns {
  readonly count: number;
  /** Columns `from` ... `from + count - 1`, `[count, D]`; the caller's. */
  block(from: number, count: number): tf.Tensor2D;
}

/** Sums so far of one pass over the columns, relative to `exp(top)`. */
type Running = {
  /** Highest logit, `[B, 1]`. */
  readonly top: tf.Tensor2D;
  /** Sum of exponentials, `[B, 1]`. */
  readonly sum: tf.Tensor2D;
  /** The sum's gradient to each of the inputs, in their order; empty when nobody asks for it. */
  readonly pulls: tf.Tensor[];
};

/**
 * `log(sum over j of exp(negative(unit * column_j)))` over all columns but those left out, in one pass that never holds
 * more than `[B, block]` logits. The gradient is gathered in the same pass (as in FlashAttention, Dao et al. 2022), since
 * it needs no more than a weighted sum of the columns: two matrix products in all, nothing is kept or computed again.
 *
 * @param unit `[B, D]`
 * @param columns constant; with none at all the result is {@link OUT}
 * @param leftOut columns that do not count
 * @param block columns at a time
 * @param watch is shown the cosines
 * @returns `[B]`, differentiable in `unit` and `terms`; the caller's
 */
export function restLogSumExp(
  unit: tf.Tensor2D,
  columns: Columns,
  leftOut: Int32Array,
  negative: SoftmaxForm['negative'],
  terms: TargetTerms,
  block: number,
  watch: RivalWatch,
): tf.Tensor1D {
  const batch = unit.shape[0];
  if (columns.count === 0) return tf.fill([batch], OUT);
  // Logits that are a multiple of the cosines do not look at the target's terms.
  const inputs = typeof negative === 'number' ? [unit] : [unit, terms.logit, ...(terms.values ?? [])];
  const withGradient = isRecording();
  const op = tf.customGrad((...args) => {
    const save = args.pop() as unknown as tf.GradSaveFunc;
    const xs = args as tf.Tensor[];
    const add =
      typeof negative === 'number' ? multiples(xs[0] as tf.Tensor2D, negative, watch) : shaped(xs, negative, watch);
    let running: Running | undefined;
    for (let from = 0; from < columns.count; from += block) {
      const count = Math.min(block, columns.count - from);
      const next: Running = tf.tidy(() => {
        const part = { from, columns: columns.block(from, count), out: leftOutRow(leftOut, from, count, OUT) };
        return add(running, part, withGradient);
      });
      if (running) tf.dispose(running);
      running = next;
    }
    const { top, sum, pulls } = running!;
    save(pulls.map((pull) => (pull.rank === 2 ? tf.div(pull, sum) : tf.div(pull, tf.squeeze(sum, [1])))));
    return {
      value: tf.squeeze(tf.add(top, tf.log(sum)), [1]),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        saved.map((pull) => tf.mul(pull, pull.rank === 2 ? tf.expandDims(dy, 1) : dy)),
    };
  });
  return op(...inputs) as tf.Tensor1D;
}

interface Part {
  readonly from: number;
  readonly columns: tf.Tensor2D;
  /** Added to logits: {@link OUT} for columns that are left out. */
  readonly out: tf.Tensor2D | undefined;
}

type Add = (running: Running | undefined, part: Part, withGradient: boolean) => Running;

/** Logits `scale * cosines`. */
function multiples(unit: tf.Tensor2D, scale: number, watch: RivalWatch): Add {
  const scaled = tf.mul(unit, scale);
  return (running, { from, columns, out }, withGradient) => {
    const product: tf.Tensor2D = tf.matMul(scaled, columns, false, true);
    watch.look(product, from, out, scale);
    const logits = out ? tf.add(product, out) : product;
    const top = highest(logits, running);
    const weights = tf.exp(tf.sub(logits, top));
    const pulls = withGradient ? [tf.mul(tf.matMul(weights, columns), scale)] : [];
    return join(running, { top, sum: tf.sum(weights, 1, true), pulls });
  };
}

/** Logits that are any function of the cosines, element by element, and of the target's terms. */
function shaped(xs: readonly tf.Tensor[], negative: Exclude<SoftmaxForm['negative'], number>, watch: RivalWatch): Add {
  const [unit, ...rest] = xs as [tf.Tensor2D, ...tf.Tensor1D[]];
  return (running, { from, columns, out }, withGradient) => {
    const cosines: tf.Tensor2D = tf.matMul(unit, columns, false, true);
    watch.look(cosines, from, out);
    const logitsOf = ([c, logit, ...values]: readonly tf.Tensor[]): tf.Tensor => {
      const logits = negative(c as tf.Tensor2D, { logit: logit as tf.Tensor1D, values: values as tf.Tensor1D[] });
      return out ? tf.add(logits, out) : logits;
    };
    const top = highest(logitsOf([cosines, ...rest]), running);
    const sumOf = (inputs: readonly tf.Tensor[]): tf.Tensor => tf.sum(tf.exp(tf.sub(logitsOf(inputs), top)), 1, true);
    if (!withGradient) return join(running, { top, sum: sumOf([cosines, ...rest]) as tf.Tensor2D, pulls: [] });
    const { value, gradients } = detachedGradients(sumOf, [cosines, ...rest]);
    const [toCosines, ...toTerms] = gradients;
    const pulls = [tf.matMul(toCosines as tf.Tensor2D, columns), ...toTerms];
    return join(running, { top, sum: value as tf.Tensor2D, pulls });
  };
}

function highest(logits: tf.Tensor, running: Running | undefined): tf.Tensor2D {
  const top: tf.Tensor2D = tf.max(logits, 1, true);
  return running ? tf.maximum(running.top, top) : top;
}

/** Adds a block's sums, which are relative to its `top`, to those of the blocks before. */
function join(running: Running | undefined, block: Running): Running {
  if (!running) return block;
  const fade = tf.exp(tf.sub(running.top, block.top)) as tf.Tensor2D;
  const fadeRow = tf.squeeze(fade, [1]);
  return {
    top: block.top,
    sum: tf.add(tf.mul(running.sum, fade), block.sum),
    pulls: block.pulls.map((pull, i) => tf.add(tf.mul(running.pulls[i]!, pull.rank === 2 ? fade : fadeRow), pull)),
  };
}

/** `[1, count]`: `value` for columns that are left out, 0 for the others; undefined when all of them count. */
export function leftOutRow(leftOut: Int32Array, from: number, count: number, value: number): tf.Tensor2D | undefined {
  let row: Float32Array | undefined;
  for (const column of leftOut) {
    if (column < from || column >= from + count) continue;
    row ??= new Float32Array(count);
    row[column - from] = value;
  }
  return row && tf.tensor2d(row, [1, count]);
}
