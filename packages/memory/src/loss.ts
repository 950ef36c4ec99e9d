import type { CosineLoss, SoftmaxForm } from '@protomem/core/contracts';
import { MASKED_LOGIT, putElements, stopGradient, takeElements, unitRows } from '@protomem/engine';
import { evaluateLoss, negativeLogits } from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';
import { blockwiseLogSumExp, maskRow } from './blockwise-log-sum-exp.ts';
import { hardestCosines } from './hardest-cosines.ts';
import type { LookAlikeWatch } from './look-alikes.ts';
import type { LossInputs } from './method.ts';
import type { MemorySettings } from './options.ts';

/** The loss of each sample, `[B]`: in blocks where the loss has a form for it, else on all cosines at once. */
export function memoryLoss(
  inputs: LossInputs,
  loss: CosineLoss,
  settings: MemorySettings,
  watch: LookAlikeWatch,
): tf.Tensor1D {
  const context = { norms: inputs.norms };
  if (settings.hardest !== undefined) {
    const others = hardestCosines(inputs, settings.hardest, blockOf(inputs, settings), watch);
    const cosines = tf.concat([tf.expandDims<tf.Tensor2D>(inputs.positive, 1), others], 1);
    return evaluateLoss(loss, cosines, tf.zeros([cosines.shape[0]], 'int32'), context);
  }
  const form = (loss as { readonly form?: SoftmaxForm }).form;
  // A gradient step on the prototypes wants the gradient of every logit.
  if (form && settings.prototypeRate === 0) return inBlocks(inputs, form, blockOf(inputs, settings), watch);
  const targets = tf.gather(tf.tensor1d([...inputs.columnOf], 'int32'), inputs.ownGroup);
  const cosines = allCosines(inputs, targets, settings);
  const { count } = inputs.columns;
  const inMemory = tf.slice(cosines, [0, 0], [cosines.shape[0], count]);
  if (count > 0) watch.look(inMemory, 0, maskRow(inputs.excluded, 0, count));
  watch.lookInside(tf.gather(cosines, tf.tensor1d([...inputs.columnOf], 'int32'), 1), inputs.ownGroup);
  return evaluateLoss(loss, cosines, targets, context);
}

/** Columns at a time, so that their logits take no more than `logitBytes`. */
function blockOf({ unit }: LossInputs, { logitBytes }: MemorySettings): number {
  return Math.max(1, Math.floor(logitBytes / (4 * unit.shape[0])));
}

/** The batch's own classes with all their gradients, and the rest of the memory in one pass. */
function inBlocks(
  { unit, norms, positive, batchPrototypes, ownGroup, columns, excluded }: LossInputs,
  form: SoftmaxForm,
  block: number,
  watch: LookAlikeWatch,
): tf.Tensor1D {
  const { negative, combine } = form;
  const terms = form.target(positive, { norms });
  const cosines: tf.Tensor2D = tf.matMul(unit, batchPrototypes, false, true);
  watch.lookInside(cosines, ownGroup);
  const logits = negativeLogits(negative, cosines, terms);
  const others = putElements(logits, ownGroup, tf.fill([unit.shape[0]], MASKED_LOGIT));
  const inBatch: tf.Tensor1D = tf.logSumExp(others, 1);
  const outOfBatch = blockwiseLogSumExp(unit, columns, excluded, negative, terms, block, watch);
  const negatives: tf.Tensor1D = tf.logSumExp(tf.stack([inBatch, outOfBatch], 1), 1);
  return combine ? combine(terms, negatives) : tf.softplus(tf.sub(negatives, terms.logit));
}

/** Cosines to all columns, `[B, M]`. */
function allCosines(inputs: LossInputs, targets: tf.Tensor1D, settings: MemorySettings): tf.Tensor2D {
  const { unit, positive, batchPrototypes, columnOf, columns } = inputs;
  const { count, store } = columns;
  const absent = columnOf.flatMap((column, group) => (column >= count ? [group] : []));
  let matrix = store.block(0, count);
  if (settings.admit === 'after') {
    // A copy: the backward pass needs the columns as they are now, and the batch enters before it.
    const behind = tf.gather<tf.Tensor2D>(stopGradient(batchPrototypes), tf.tensor1d(absent, 'int32'));
    matrix = absent.length > 0 ? tf.concat([matrix, behind], 0) : tf.mul(matrix, 1);
  }
  const { prototypeRate: rate } = settings;
  const move = (gradient: tf.Tensor2D): void => {
    const slots = Int32Array.from({ length: count }, (_, slot) => slot);
    store.write(slots, unitRows(tf.sub(matrix, tf.mul(gradient, rate))));
  };
  return columnCosines({
    unit,
    columns: matrix,
    positive,
    targets,
    differentiable:
      settings.gradient === 'exemplars'
        ? { rows: batchPrototypes, at: tf.tensor1d([...columnOf], 'int32') }
        : undefined,
    onColumns: rate > 0 ? move : undefined,
  });
}

/** What {@link columnCosines} works on. */
interface ColumnCosines {
  /** `[B, D]` */
  readonly unit: tf.Tensor2D;
  /** `[M, D]`, constant. */
  readonly columns: tf.Tensor2D;
  /** `[B]`: stands in for the cosine to each sample's own class. */
  readonly positive: tf.Tensor1D;
  /** `[B]`, int32: the column of each sample's own class. */
  readonly targets: tf.Tensor1D;
  /** `[C, D]`: some of the columns once more, where they are differentiable; and `[C]`, int32: which they are. */
  readonly differentiable?: { readonly rows: tf.Tensor2D; readonly at: tf.Tensor1D };
  /** Gets the gradient to the columns, `[M, D]`, in the backward pass. */
  readonly onColumns?: (gradient: tf.Tensor2D) => void;
}

/** `unit * columns^T`, `[B, M]`, with `positive` at `targets`; differentiable in `unit`, `positive` and those rows. */
function columnCosines({ unit, columns, positive, targets, differentiable, onColumns }: ColumnCosines): tf.Tensor2D {
  const inputs = differentiable ? [unit, positive, differentiable.rows] : [unit, positive];
  const op = tf.customGrad((...args) => {
    const save = args.pop() as tf.GradSaveFunc;
    const [e, c] = args as [tf.Tensor2D, tf.Tensor1D];
    save(differentiable ? [e, columns, targets, differentiable.at] : [e, columns, targets]);
    return {
      value: putElements(tf.matMul(e, columns, false, true), targets, c),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [savedUnit, savedColumns, at, rowsAt] = saved as [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D, tf.Tensor1D];
        const others = putElements(dy as tf.Tensor2D, at, tf.zeros([at.size]));
        const gradients: tf.Tensor[] = [tf.matMul(others, savedColumns), takeElements(dy as tf.Tensor2D, at)];
        if (rowsAt) gradients.push(tf.matMul(tf.gather(others, rowsAt, 1), savedUnit, true));
        onColumns?.(tf.matMul(dy as tf.Tensor2D, savedUnit, true));
        return gradients;
      },
    };
  });
  return op(...inputs) as tf.Tensor2D;
}
