import type { SoftmaxForm, TargetTerms } from '@protomem/core/contracts';
import { detachedGradients, isRecording, MASKED_LOGIT } from '@protomem/engine';
import { addSums, type Mask, noSums, type SoftmaxSums, sumsOfRanks } from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';
import type { LookAlikeWatch } from './look-alikes.ts';
import { type Columns, ownColumns } from './prototype-store.ts';

/**
 * `log(sum over j of exp(negative(unit * column_j)))` over all columns but those excluded, in one pass that never holds
 * more than `[B, block]` logits. The gradient is gathered in the same pass (as in FlashAttention, Dao et al. 2022), since
 * it needs no more than a weighted sum of the columns: two matrix products in all, nothing is kept or computed again. Where
 * columns are divided among ranks, each goes through its own, and all of them come to the same value and the same gradient.
 *
 * @param unit `[B, D]`
 * @param columns constant; with none at all the result is {@link MASKED_LOGIT}
 * @param excluded columns that do not count
 * @param guarded elements that do not count either: a sample, and a column
 * @param block columns at a time
 * @param watch is shown the cosines
 * @returns `[B]`, differentiable in `unit` and `terms`; the caller's
 */
export function blockwiseLogSumExp(
  unit: tf.Tensor2D,
  columns: Columns,
  excluded: Int32Array,
  guarded: Mask,
  negative: SoftmaxForm['negative'],
  terms: TargetTerms,
  block: number,
  watch: LookAlikeWatch,
): tf.Tensor1D {
  const batch = unit.shape[0];
  if (columns.count === 0) return tf.fill([batch], MASKED_LOGIT);
  // Logits that are a multiple of the cosines do not look at the target's terms.
  const inputs = typeof negative === 'number' ? [unit] : [unit, terms.logit, ...(terms.values ?? [])];
  const withGradient = isRecording();
  const own = ownColumns(columns, excluded, guarded);
  const op = tf.customGrad((...args) => {
    const save = args.pop() as tf.GradSaveFunc;
    const xs = args as tf.Tensor[];
    const add =
      typeof negative === 'number' ? multiples(xs[0] as tf.Tensor2D, negative, watch) : shaped(xs, negative, watch);
    let running: SoftmaxSums | undefined;
    for (let from = 0; from < own.count; from += block) {
      const count = Math.min(block, own.count - from);
      const next: SoftmaxSums = tf.tidy(() => {
        const [row, elements] = [maskRow(own.excluded, from, count), maskElements(own.guarded, batch, from, count)];
        const mask = row && elements ? (tf.add(row, elements) as tf.Tensor2D) : (row ?? elements);
        return add(running, { from, columns: columns.store.block(from, count), excluded: row, mask }, withGradient);
      });
      if (running) tf.dispose(running);
      running = next;
    }
    const shapes = withGradient ? xs.map(({ shape }) => shape) : [];
    const { top, sum, gradients } = sumsOfRanks(running ?? noSums(batch, shapes), columns.ranks);
    save(
      gradients.map((gradient) =>
        gradient.rank === 2 ? tf.div(gradient, sum) : tf.div(gradient, tf.squeeze(sum, [1])),
      ),
    );
    return {
      value: tf.squeeze(tf.add(top, tf.log(sum)), [1]),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        saved.map((gradient) => tf.mul(gradient, gradient.rank === 2 ? tf.expandDims(dy, 1) : dy)),
    };
  });
  return op(...inputs) as tf.Tensor1D;
}

interface Part {
  readonly from: number;
  readonly columns: tf.Tensor2D;
  /** Added to logits, `[1, count]` and `[1 or B, count]`: {@link MASKED_LOGIT} for what is excluded, and for all that does not count. */
  readonly excluded: tf.Tensor2D | undefined;
  readonly mask: tf.Tensor2D | undefined;
}

type Add = (running: SoftmaxSums | undefined, part: Part, withGradient: boolean) => SoftmaxSums;

/** Logits `scale * cosines`. */
function multiples(unit: tf.Tensor2D, scale: number, watch: LookAlikeWatch): Add {
  const scaled = tf.mul(unit, scale);
  return (running, { from, columns, excluded, mask }, withGradient) => {
    const product: tf.Tensor2D = tf.matMul(scaled, columns, false, true);
    watch.look(product, from, excluded, scale);
    const logits = mask ? tf.add(product, mask) : product;
    const top = highest(logits, running);
    const weights = tf.exp(tf.sub(logits, top));
    const gradients = withGradient ? [tf.mul(tf.matMul(weights, columns), scale)] : [];
    return addSums(running, { top, sum: tf.sum(weights, 1, true), gradients });
  };
}

/** Logits that are any function of the cosines, element by element, and of the target's terms. */
function shaped(
  xs: readonly tf.Tensor[],
  negative: Exclude<SoftmaxForm['negative'], number>,
  watch: LookAlikeWatch,
): Add {
  const [unit, ...rest] = xs as [tf.Tensor2D, ...tf.Tensor1D[]];
  return (running, { from, columns, excluded, mask }, withGradient) => {
    const cosines: tf.Tensor2D = tf.matMul(unit, columns, false, true);
    watch.look(cosines, from, excluded);
    const logitsOf = ([c, logit, ...values]: readonly tf.Tensor[]): tf.Tensor => {
      const logits = negative(c as tf.Tensor2D, { logit: logit as tf.Tensor1D, values: values as tf.Tensor1D[] });
      return mask ? tf.add(logits, mask) : logits;
    };
    const top = highest(logitsOf([cosines, ...rest]), running);
    const sumOf = (inputs: readonly tf.Tensor[]): tf.Tensor => tf.sum(tf.exp(tf.sub(logitsOf(inputs), top)), 1, true);
    if (!withGradient) return addSums(running, { top, sum: sumOf([cosines, ...rest]) as tf.Tensor2D, gradients: [] });
    const { value, gradients } = detachedGradients(sumOf, [cosines, ...rest]);
    const [toCosines, ...toTerms] = gradients;
    const toInputs = [tf.matMul(toCosines as tf.Tensor2D, columns), ...toTerms];
    return addSums(running, { top, sum: value as tf.Tensor2D, gradients: toInputs });
  };
}

function highest(logits: tf.Tensor, running: SoftmaxSums | undefined): tf.Tensor2D {
  const top: tf.Tensor2D = tf.max(logits, 1, true);
  return running ? tf.maximum(running.top, top) : top;
}

/** `[1, count]`: {@link MASKED_LOGIT} for columns that are excluded, 0 for the others; undefined when all of them count. */
export function maskRow(excluded: Int32Array, from: number, count: number): tf.Tensor2D | undefined {
  let row: Float32Array | undefined;
  for (const column of excluded) {
    if (column < from || column >= from + count) continue;
    row ??= new Float32Array(count);
    row[column - from] = MASKED_LOGIT;
  }
  return row && tf.tensor2d(row, [1, count]);
}

/** `[batch, count]`: {@link MASKED_LOGIT} at those elements, 0 at the others; undefined when there are none in these columns. */
export function maskElements(
  { rows, columns }: Mask,
  batch: number,
  from: number,
  count: number,
): tf.Tensor2D | undefined {
  const at = columns.flatMap((column, k) =>
    column < from || column >= from + count ? [] : [[rows[k]!, column - from]],
  );
  if (at.length === 0) return undefined;
  const indices = tf.tensor2d(at, [at.length, 2], 'int32');
  return tf.scatterND(indices, tf.fill([at.length], MASKED_LOGIT), [batch, count]) as tf.Tensor2D;
}
