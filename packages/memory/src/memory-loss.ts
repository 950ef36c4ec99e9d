import type { CosineLoss, SoftmaxForm } from '@protomem/core/contracts';
import { putElements, stopGradient, unitRows } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { columnCosines } from './column-cosines.ts';
import { hardestCosines } from './hardest-cosines.ts';
import type { PrototypeMemorySettings } from './options.ts';
import type { PrototypeStore } from './prototype-store.ts';
import { type Columns, leftOutRow, OUT, restLogSumExp } from './rest-log-sum-exp.ts';
import type { RivalWatch } from './rival-pairs.ts';

/** A batch that meets the memory: what a loss is computed on. */
export interface Meeting {
  /** Embeddings at unit length, `[B, D]`, and the lengths they had, `[B]`; differentiable. */
  readonly unit: tf.Tensor2D;
  readonly norms: tf.Tensor1D;
  /** Cosine of each to the prototype of its own class that `ownExample` asks for, `[B]`; differentiable. */
  readonly own: tf.Tensor1D;
  /** The columns of the batch's classes, `[C, D]`; differentiable where the option `gradient` says so. */
  readonly fresh: tf.Tensor2D;
  /** Which of them is each sample's own, `[B]`, int32. */
  readonly ownGroup: tf.Tensor1D;
  /** The column of each of them among all: its slot, or one behind the memory. */
  readonly columnOf: readonly number[];
  /** The memory, and the slots in it that `fresh` stands in for. */
  readonly rest: Columns & Pick<PrototypeStore, 'rows' | 'write'>;
  readonly leftOut: Int32Array;
}

/** The loss of each sample, `[B]`: in blocks where the loss has a form for it, else on all cosines at once. */
export function memoryLoss(
  meeting: Meeting,
  loss: CosineLoss,
  settings: PrototypeMemorySettings,
  watch: RivalWatch,
): tf.Tensor1D {
  const context = { norms: meeting.norms };
  if (settings.hardest !== undefined) {
    const others = hardestCosines(meeting, settings.hardest, blockOf(meeting, settings), watch);
    const cosines = tf.concat([tf.expandDims<tf.Tensor2D>(meeting.own, 1), others], 1);
    return loss(cosines, tf.zeros([cosines.shape[0]], 'int32'), context);
  }
  const form = (loss as { readonly form?: SoftmaxForm }).form;
  // A gradient step on the prototypes wants the gradient of every logit.
  if (form && settings.prototypeRate === 0) return inBlocks(meeting, form, blockOf(meeting, settings), watch);
  const targets = tf.gather(tf.tensor1d([...meeting.columnOf], 'int32'), meeting.ownGroup);
  const cosines = allCosines(meeting, targets, settings);
  const { count } = meeting.rest;
  const inMemory = tf.slice(cosines, [0, 0], [cosines.shape[0], count]);
  if (count > 0) watch.look(inMemory, 0, leftOutRow(meeting.leftOut, 0, count, OUT));
  watch.lookInside(tf.gather(cosines, tf.tensor1d([...meeting.columnOf], 'int32'), 1), meeting.ownGroup);
  return loss(cosines, targets, context);
}

/** Columns at a time, so that their logits take no more than `logitBytes`. */
function blockOf({ unit }: Meeting, { logitBytes }: PrototypeMemorySettings): number {
  return Math.max(1, Math.floor(logitBytes / (4 * unit.shape[0])));
}

/** The batch's own classes with all their gradients, and the rest of the memory in one pass. */
function inBlocks(
  { unit, norms, own, fresh, ownGroup, rest, leftOut }: Meeting,
  form: SoftmaxForm,
  block: number,
  watch: RivalWatch,
): tf.Tensor1D {
  const { negative, combine } = form;
  const terms = form.target(own, { norms });
  const cosines: tf.Tensor2D = tf.matMul(unit, fresh, false, true);
  watch.lookInside(cosines, ownGroup);
  const logits = typeof negative === 'number' ? tf.mul(cosines, negative) : negative(cosines, terms);
  const others = putElements(logits as tf.Tensor2D, ownGroup, tf.fill([unit.shape[0]], OUT));
  const inBatch: tf.Tensor1D = tf.logSumExp(others, 1);
  const outOfBatch = restLogSumExp(unit, rest, leftOut, negative, terms, block, watch);
  const negatives: tf.Tensor1D = tf.logSumExp(tf.stack([inBatch, outOfBatch], 1), 1);
  return combine ? combine(terms, negatives) : tf.softplus(tf.sub(negatives, terms.logit));
}

/** Cosines to all columns, `[B, M]`. */
function allCosines(meeting: Meeting, targets: tf.Tensor1D, settings: PrototypeMemorySettings): tf.Tensor2D {
  const { unit, own, fresh, columnOf, rest } = meeting;
  const absent = columnOf.flatMap((column, group) => (column >= rest.count ? [group] : []));
  let columns = rest.block(0, rest.count);
  if (settings.enter === 'after') {
    // A copy: the backward pass needs the columns as they are now, and the batch enters before it.
    const behind = tf.gather<tf.Tensor2D>(stopGradient(fresh), tf.tensor1d(absent, 'int32'));
    columns = absent.length > 0 ? tf.concat([columns, behind], 0) : tf.mul(columns, 1);
  }
  const { prototypeRate: rate } = settings;
  const move = (gradient: tf.Tensor2D): void => {
    const slots = Int32Array.from({ length: rest.count }, (_, slot) => slot);
    rest.write(slots, unitRows(tf.sub(columns, tf.mul(gradient, rate))));
  };
  return columnCosines({
    unit,
    columns,
    own,
    targets,
    fresh: settings.gradient === 'exemplars' ? { rows: fresh, at: tf.tensor1d([...columnOf], 'int32') } : undefined,
    onColumns: rate > 0 ? move : undefined,
  });
}
