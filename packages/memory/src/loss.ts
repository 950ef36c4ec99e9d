import type { CosineLoss, SoftmaxLoss } from '@protomem/core/contracts';
import { MASKED_LOGIT, putElements, stopGradient, takeElements, unitRows } from '@protomem/engine';
import { combineTerms, type Mask, maskAt, maskedLoss, negativeLogits, targetTerms } from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';
import { blockwiseLogSumExp, maskRow } from './blockwise-log-sum-exp.ts';
import { hardestCosines } from './hardest-cosines.ts';
import type { LookAlikeWatch } from './look-alikes.ts';
import type { LossInputs } from './method.ts';
import type { MemorySettings } from './options.ts';
import { blockOf } from './prototype-store.ts';

/** The loss of each sample, `[B]`: in blocks where the loss has a form for it, else on all cosines at once. */
export function memoryLoss(
  inputs: LossInputs,
  loss: CosineLoss,
  settings: MemorySettings,
  watch: LookAlikeWatch,
): tf.Tensor1D {
  const context = { norms: inputs.norms };
  if (settings.hardest !== undefined) {
    const { cosines, missing } = hardestCosines(inputs, settings.hardest, blockOf(inputs.unit, settings), watch);
    const all = tf.concat([tf.expandDims<tf.Tensor2D>(inputs.positive, 1), cosines], 1);
    const mask = { rows: missing.rows, columns: missing.columns.map((column) => column + 1) };
    return maskedLoss(loss, all, new Int32Array(all.shape[0]), mask, context);
  }
  // A gradient step on the prototypes wants the gradient of every logit.
  if ('form' in loss && settings.prototypeRate === 0) {
    return inBlocks(inputs, loss as SoftmaxLoss, blockOf(inputs.unit, settings), watch);
  }
  const { columnOf, guarded } = inputs;
  const targets = inputs.groupOf.map((group) => columnOf[group]!);
  const cosines = allCosines(inputs, tf.tensor1d(targets, 'int32'), settings);
  const { count } = inputs.columns;
  const inMemory = tf.slice(cosines, [0, 0], [cosines.shape[0], count]);
  if (count > 0) watch.look(inMemory, 0, maskRow(inputs.excluded, 0, count));
  watch.lookInside(tf.gather(cosines, tf.tensor1d([...columnOf], 'int32'), 1), inputs.ownGroup);
  const mask: Mask = {
    rows: [...guarded.inBatch.rows, ...guarded.inMemory.rows],
    columns: [...guarded.inBatch.columns.map((group) => columnOf[group]!), ...guarded.inMemory.columns],
  };
  return maskedLoss(loss, cosines, targets, mask, context);
}

/** The batch's own classes with all their gradients, and the rest of the memory in one pass. */
function inBlocks(
  { unit, norms, positive, batchPrototypes, ownGroup, columns, excluded, guarded }: LossInputs,
  loss: SoftmaxLoss,
  block: number,
  watch: LookAlikeWatch,
): tf.Tensor1D {
  const { negative } = loss.form;
  const terms = targetTerms(loss, positive, { norms });
  const cosines: tf.Tensor2D = tf.matMul(unit, batchPrototypes, false, true);
  watch.lookInside(cosines, ownGroup);
  const logits = negativeLogits(negative, cosines, terms);
  const others = maskAt(putElements(logits, ownGroup, tf.fill([unit.shape[0]], MASKED_LOGIT)), guarded.inBatch);
  const inBatch: tf.Tensor1D = tf.logSumExp(others, 1);
  const outOfBatch = blockwiseLogSumExp(unit, columns, excluded, guarded.inMemory, negative, terms, block, watch);
  const negatives: tf.Tensor1D = tf.logSumExp(tf.stack([inBatch, outOfBatch], 1), 1);
  return combineTerms(loss, terms, negatives);
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
