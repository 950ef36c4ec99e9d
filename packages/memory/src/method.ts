import { check } from '@protomem/core';
import {
  type Collective,
  groupSums,
  type RefreshShare,
  refreshRows,
  rowDots,
  splitRows,
  stopGradient,
  unitRows,
} from '@protomem/engine';
import { type Groups, membership } from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';
import type { Guard, Guarded } from './guard.ts';
import type { MemorySettings } from './options.ts';
import {
  type Exemplars,
  type Generation,
  generations,
  policy,
  type Refresh,
  refreshes,
  targetSupport,
} from './policies.ts';
import { type Columns, type PrototypeStore, storedRows } from './prototype-store.ts';
import type { Admission, SlotFacts, Slots } from './slots.ts';

// The method of Prototype Memory, in the order of a step. Of a batch's embeddings
//   1. generate  makes a prototype for each of its classes;
//   2. refresh   blends it with the stored one, where the class is in memory;
//   3. admit     gives every class a slot: those in memory keep theirs, new ones are enqueued, and when there is no room
//                the oldest are dequeued;
//   4. lossInputs brings embeddings and prototypes together: prototypes are the columns of a softmax, which loss.ts
//                evaluates.
// `makePrototypes` does 1 and 2 for a batch; `drift` is what else moves the stored ones. With the option `admit: 'after'` the
// loss comes before 3. Only `admit` changes anything, and that in `slots.ts`; the store is written, and the guard told, by the
// facade's `commit`.

/** What the functions below read: the options, which class is in which slot, the prototypes, and who may be one person. */
export interface Memory {
  readonly settings: MemorySettings;
  readonly slots: Slots;
  readonly store: PrototypeStore;
  /** The unrecognizable identity (C1), `[D]`, of any length; only for a generation that looks at it. */
  readonly unrecognizable?: tf.Variable<tf.Rank.R1>;
  readonly guard: Guard;
  /** Among whom the slots' prototypes are divided; all else is the same on all of them. */
  readonly ranks: Collective;
}

/** What prototypes are generated from (C1), `weights * unit` with the weights that the option gives exemplars, `[G, D]`. */
function weighed({ generation }: MemorySettings, exemplars: Exemplars): tf.Tensor2D {
  return tf.matMul(policy<Generation>(generations, generation)(exemplars), exemplars.unit);
}

/** Tells the share of the generated prototype in a refresh (C4); all of it for a class that is not in memory. */
function refreshShares(settings: MemorySettings): (facts: SlotFacts | undefined, exemplars: number) => RefreshShare {
  const chosen = policy<Refresh | 'by-similarity'>(refreshes, settings.refresh);
  const ratio = settings.refreshRatio;
  return (facts, exemplars) => {
    if (!facts) return 1;
    if (chosen === 'by-similarity') return chosen;
    const share = chosen({ ...facts, exemplars, ratio });
    check(share >= 0 && share <= 1, () => ({
      where: 'createPrototypeMemory',
      what: 'result of the function given as refresh',
      got: share,
      expected: 'a number in [0, 1]',
    }));
    return share;
  };
}

/** How unlike unit embeddings are to the unrecognizable identity, `[B]`. */
function recognizabilityOf(unit: tf.Tensor2D, unrecognizable: tf.Tensor1D): tf.Tensor1D {
  const direction = unitRows(tf.expandDims<tf.Tensor2D>(unrecognizable, 0));
  return tf.sub(1, tf.relu(tf.squeeze<tf.Tensor1D>(tf.matMul(unit, direction, false, true), [1])));
}

/** What a batch yields, before anything is changed. */
export interface BatchPrototypes {
  readonly groups: Groups;
  /** Embeddings at unit length, `[B, D]`, and the lengths that they had, `[B]`; differentiable. */
  readonly unit: tf.Tensor2D;
  readonly norms: tf.Tensor1D;
  /** The same as prototypes see them: constants under `gradient: 'stop'` (C3). */
  readonly exemplars: Omit<Exemplars, 'support'>;
  /** The slot of each class, C; -1 for those that are not in memory. */
  readonly slots: readonly number[];
  /** What is known of each, as of before this batch; undefined for those that are not in memory. */
  readonly known: readonly (SlotFacts | undefined)[];
  /** What is stored for each, `[C, D]`; any row for those that are not in memory. */
  readonly stored: tf.Tensor2D;
  /** What the batch alone makes of each, `[C, D]`. */
  readonly generated: tf.Tensor2D;
  /** What is to be stored: generated, and refreshed where known, `[C, D]`. */
  readonly prototypes: tf.Tensor2D;
  readonly numbers: BatchNumbers;
}

/** What of a batch is read back to the host, in one go. */
interface BatchNumbers {
  /** Lengths of the embeddings, and behind them of the exemplars where those are others, B or 2 B. */
  readonly lengths: Float32Array;
  /** Cosine of each class's stored prototype to the generated one, C: how stale it was. */
  readonly refreshCosines: Float32Array;
  /** Mean cosine of each class's exemplars to what is to be stored, C. */
  readonly confidence: Float64Array;
  /** Mean of 1 - cosine between what is to be stored and what is read then, where storage rounds. */
  readonly roundingError: number | undefined;
  /** Recognizability of each image, B, where the option `generation` looks at it. */
  readonly recognizability: Float32Array | undefined;
}

/** Makes a batch's prototypes; `embeddings`, and `given`, which they are made from, are `[B, D]`, not normalized. */
export function makePrototypes(
  memory: Memory,
  embeddings: tf.Tensor2D,
  groups: Groups,
  given: tf.Tensor2D,
): BatchPrototypes {
  const { settings, slots, store, unrecognizable } = memory;
  const { unit, norms } = splitRows(embeddings);
  const apart = given !== embeddings;
  const split = apart ? splitRows(given) : { unit, norms };
  const seen =
    settings.gradient === 'stop' ? { unit: stopGradient(split.unit), norms: stopGradient(split.norms) } : split;
  const recognizability: tf.Tensor1D = unrecognizable
    ? recognizabilityOf(seen.unit, unrecognizable)
    : tf.ones([norms.size]);
  const exemplars = { ...seen, recognizability, minRecognizability: settings.minRecognizability };
  const slotOf = groups.ids.map((id) => slots.find(id));
  const known = slotOf.map((slot) => (slot < 0 ? undefined : slots.facts(slot)));
  const shareOf = refreshShares(settings);
  const shares = known.map((facts, group) => shareOf(facts, groups.images[group]!.length));
  const stored = storedRows(store, slotOf);
  const sums = groupSums(exemplars.unit, groups.groupOf, groups.ids.length);
  // The mean has weights of 1.
  const made = settings.generation === 'mean' ? sums : weighed(settings, { ...exemplars, support: membership(groups) });
  const { generated, refreshed: prototypes, cosines } = refreshRows(made, stored, shares);
  const rounded = store.rounded?.(prototypes);
  // The one read of the step.
  const read = tf
    .concat([
      norms,
      ...(apart ? [exemplars.norms] : []),
      cosines,
      rowDots(prototypes, sums),
      ...(unrecognizable ? [recognizability] : []),
      ...(rounded ? [tf.sub(1, tf.mean(tf.sum(tf.mul(unitRows(rounded), prototypes), 1, true), 0))] : []),
    ])
    .dataSync<'float32'>();
  const [images, classes] = [embeddings.shape[0], groups.ids.length];
  const lengths = (apart ? 2 : 1) * images;
  const numbers: BatchNumbers = {
    lengths: read.subarray(0, lengths),
    refreshCosines: read.subarray(lengths, lengths + classes),
    confidence: Float64Array.from(groups.images, (own, group) => read[lengths + classes + group]! / own.length),
    recognizability: unrecognizable && read.subarray(lengths + 2 * classes, lengths + 2 * classes + images),
    roundingError: rounded && read.at(-1),
  };
  return { groups, unit, norms, exemplars, slots: slotOf, known, stored, generated, prototypes, numbers };
}

/**
 * Admits a batch: gives every class a slot, its own, a free one, or that of a class which leaves. Classes of the batch
 * never make each other leave.
 *
 * @param groups at most as many classes as there are slots
 * @param slotOf the slot of each class, C; -1 for those that are not in memory
 * @param confidence of each class, C
 */
export function admit(
  slots: Slots,
  groups: Groups,
  slotOf: readonly number[],
  confidence: ArrayLike<number>,
): Admission {
  const { ids, images, groupOf } = groups;
  // A function of the user's, which may refuse: before anything changes.
  const priorities = ids.map((id, group) =>
    slots.nextPriority(id, slotOf[group]!, images[group]!.length, confidence[group]!),
  );
  slots.step++;
  const evicted: number[] = [];
  for (const slot of slotOf) if (slot >= 0) slots.renew(slot);
  const given = Int32Array.from(slotOf, (slot, group) => {
    if (slot >= 0) return slot;
    if (slots.isFull) evicted.push(slots.dequeue());
    return slots.enqueue(ids[group]!);
  });
  given.forEach((slot, group) => {
    slots.visit(slot, images[group]!.length, confidence[group]!, priorities[group]!);
  });
  const targets = groupOf.map((group) => given[group]!);
  const refreshed = ids.filter((_, group) => slotOf[group]! >= 0);
  const enqueued = ids.filter((_, group) => slotOf[group]! < 0);
  return { ids, slots: given, targets, refreshed, enqueued, evicted };
}

/** By how much the classes that came back have moved in a step, times the option `driftCompensation` (C10); `[1, D]`. */
export function drift({ driftCompensation }: MemorySettings, batch: BatchPrototypes): tf.Tensor2D {
  const { known, stored, generated } = batch;
  const returned = known.filter((facts) => facts !== undefined).length;
  const weights = known.map((facts) => (facts ? driftCompensation / (facts.age * Math.max(returned, 1)) : 0));
  return tf.matMul(tf.tensor2d(weights, [1, weights.length]), tf.sub(stopGradient(generated), stored));
}

/** What a loss is computed on. */
export interface LossInputs {
  /** Embeddings at unit length, `[B, D]`, and the lengths they had, `[B]`; differentiable. */
  readonly unit: tf.Tensor2D;
  readonly norms: tf.Tensor1D;
  /** Cosine of each to the target prototype of its class, `[B]`; differentiable. */
  readonly positive: tf.Tensor1D;
  /** The columns of the batch's classes, `[C, D]`; differentiable where the option `gradient` says so. */
  readonly batchPrototypes: tf.Tensor2D;
  /** Which of them is each sample's own, `[B]`, int32. */
  readonly ownGroup: tf.Tensor1D;
  /** The same on the host, B. */
  readonly groupOf: Int32Array;
  /** The column of each of them among all: its slot, or one behind the memory. */
  readonly columnOf: readonly number[];
  /** The memory, constant, and the slots in it that `batchPrototypes` stand in for. */
  readonly columns: Columns;
  readonly excluded: Int32Array;
  /** Columns of classes that may be the same person as a sample's: they do not count for it. */
  readonly guarded: Guarded;
}

/** Brings a batch and the memory together: after its admission, or before it with the option `admit: 'after'` (C7). */
export function lossInputs({ settings, slots, store, guard, ranks }: Memory, batch: BatchPrototypes): LossInputs {
  const { groups, known, stored, prototypes, unit } = batch;
  const after = settings.admit === 'after';
  const slotOf = after ? batch.slots : groups.ids.map((id) => slots.find(id));
  // C7 `after`: a class in memory has its column as it was stored, one that is not gets one behind those of the memory.
  const isKnown = tf.tensor1d(
    known.map((facts) => facts !== undefined),
    'bool',
  );
  const batchPrototypes = after ? tf.where(tf.expandDims(isKnown, 1), stored, prototypes) : prototypes;
  let column = slots.occupied;
  const ownGroup = tf.tensor1d(groups.groupOf, 'int32');
  const targets =
    settings.targetPrototype === 'all'
      ? tf.gather<tf.Tensor2D>(batchPrototypes, ownGroup)
      : targetPrototypesOf(settings, batch);
  return {
    unit,
    norms: batch.norms,
    positive: rowDots(unit, targets),
    ownGroup,
    groupOf: groups.groupOf,
    batchPrototypes,
    columnOf: slotOf.map((slot) => (slot < 0 ? column++ : slot)),
    columns: { count: slots.occupied, store, ranks },
    excluded: Int32Array.from(slotOf.filter((slot) => slot >= 0)),
    guarded: guard.elements(groups, slots),
  };
}

/** The prototype that each image is classified against (C2), `[B, D]`: made like the stored one, of fewer images. */
function targetPrototypesOf(settings: MemorySettings, batch: BatchPrototypes): tf.Tensor2D {
  const { groups, known, stored, exemplars } = batch;
  const images = groups.groupOf.length;
  const support = targetSupport(settings.targetPrototype, groups);
  const shareOf = refreshShares(settings);
  const shares = Array.from(groups.groupOf, (group, i) => {
    const row = support.subarray(i * images, (i + 1) * images);
    const count = row.reduce((a, b) => a + b, 0);
    const facts = known[group];
    if (!facts) {
      // An image alone of a class not met before: there is nothing else to make its target from.
      if (count === 0) row[i] = 1;
      return 1;
    }
    return count === 0 || settings.admit === 'after' ? 0 : shareOf(facts, count);
  });
  const made = weighed(settings, { ...exemplars, support: tf.tensor2d(support, [images, images]) });
  return refreshRows(made, tf.gather(stored, tf.tensor1d(groups.groupOf, 'int32')), shares).refreshed;
}
