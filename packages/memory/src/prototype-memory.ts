import { check, integer, part, type State, type Stateful } from '@protomem/core';
import type { CosineLoss, HeadMetrics } from '@protomem/core/contracts';
import { checkMemory, refreshRows, stopGradient } from '@protomem/engine';
import {
  checkDivisible,
  checkInUse,
  ownCount,
  probeStaleness,
  ranksOfShards,
  StalenessBins,
  type StalenessPoint,
  type StalenessProbe,
} from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';
import { Guard, type GuardedPair, type Suspected } from './guard.ts';
import { LookAlikes, LookAlikeWatch, type SeenLookAlike } from './look-alikes.ts';
import { memoryLoss } from './loss.ts';
import { commonState, memoryState, restoreMemory } from './memory-state.ts';
import { admit, type BatchPrototypes, drift, type LossInputs, lossInputs, type Memory } from './method.ts';
import { nearestOthers, suspectedCosines } from './nearest-others.ts';
import { type MemorySettings, memoryOptions } from './options.ts';
import { looksAtRecognizability, unrecognizableOf } from './policies.ts';
import { prepareBatch } from './prepare-batch.ts';
import { DriftingStore, divided, storedRows, stores } from './prototype-store.ts';
import { type Admission, Slots } from './slots.ts';

const NOTHING = { ids: [], refreshed: [], enqueued: [], evicted: [] } as const;

/**
 * A memory of limited size that holds recent class prototypes, which serve as the columns of a softmax classifier. The
 * prototypes of a batch's classes are made from its embeddings; a class in memory is refreshed, a new one takes a free
 * slot or that of a class which leaves. Nothing in it depends on how many identities there are.
 *
 * Source: Smirnov et al., "Prototype Memory for Large-scale Face Representation Learning", IEEE Access 10 (2022). What
 * its abstract leaves open are options; their defaults are this library's choice.
 */
export class PrototypeMemory implements Stateful {
  readonly size: number;
  readonly dimension: number;
  private readonly memory: Memory;
  private readonly staleness = new StalenessBins();
  private readonly seen = new LookAlikes();
  private roundingError: number | undefined;
  /** Of the last batch's images. */
  private recognizability: { readonly mean: number; readonly leftOut: number } | undefined;
  /** Share of the columns that did not count for a sample of the last loss, on average. */
  private guardedShare = 0;
  private disposed = false;
  private last: Pick<Admission, 'ids' | 'refreshed' | 'enqueued' | 'evicted'> = NOTHING;

  /** Use {@link createPrototypeMemory}. */
  constructor(settings: MemorySettings) {
    this.size = settings.size;
    this.dimension = settings.dimension;
    const fix = 'Lower size (head.size of a run), or the embedding size, or keep prototypes as bfloat16.';
    const ranks = ranksOfShards(settings);
    // As many on all ranks.
    const rows = ownCount(this.size, { ...ranks, rank: 0 });
    const bytes = (settings.storage === 'bfloat16' ? 2 : 4) * rows * this.dimension;
    checkMemory('createPrototypeMemory', 'size', this.size, bytes, fix);
    const kept = divided(stores[settings.storage](rows, this.dimension), ranks);
    const store = settings.driftCompensation > 0 ? new DriftingStore(kept, this.dimension) : kept;
    const unrecognizable = looksAtRecognizability(settings.generation)
      ? tf.tidy(() => tf.variable(tf.zeros<tf.Rank.R1>([this.dimension]), false))
      : undefined;
    this.memory = { settings, slots: new Slots(settings), store, unrecognizable, guard: new Guard(settings), ranks };
  }

  /** Whether prototypes are divided among processes, so that this one has some of them only. */
  get isDivided(): boolean {
    return this.memory.ranks.size > 1;
  }

  /** @internal The option `gradient`. */
  get gradient(): MemorySettings['gradient'] {
    return this.memory.settings.gradient;
  }

  /** Classes in memory. */
  get occupied(): number {
    return this.memory.slots.occupied;
  }

  /** Batches admitted so far: the clock that ages are counted on. */
  get step(): number {
    return this.memory.slots.step;
  }

  /** The slot of an identity, which is its row in {@link columns}; -1 when it is not in memory. */
  slotOf(id: number): number {
    return this.memory.slots.find(id);
  }

  /** The identity in an occupied slot. */
  idOf(slot: number): number {
    check(Number.isInteger(slot) && slot >= 0 && slot < this.occupied, () => ({
      where: 'PrototypeMemory.idOf',
      what: 'slot',
      got: slot,
      expected: `an occupied slot, 0 ... ${this.occupied - 1}`,
    }));
    return this.memory.slots.idOf(slot);
  }

  /**
   * The prototypes, `[occupied, D]`, at unit length; row s is the class in slot s. Not differentiable. (A class whose
   * exemplars cancel out has a zero row until its next refresh.)
   *
   * @returns the caller's to dispose. It may share its buffer with the memory: copy what must outlive the next admission.
   * @throws ProtomemError where they are divided among processes
   */
  columns(): tf.Tensor2D {
    this.checkInUse('columns');
    check(!this.isDivided, () => ({
      where: 'PrototypeMemory.columns',
      what: 'the memory',
      got: `divided among ${this.memory.ranks.size} processes`,
      expected: 'one that this process has as a whole',
      fix: 'state(), called by all of them, has the prototypes on rank 0.',
    }));
    return this.memory.store.block(0, this.occupied);
  }

  /**
   * Puts a batch's classes into the memory: makes their prototypes, refreshes those that are there, enqueues the others,
   * evicting classes when there is no room. Classes of one batch never evict each other. Costs O(C * D) on the device,
   * and O(C) look-ups on the host.
   *
   * @param embeddings `[B, D]`, float32, not normalized; stays the caller's. No gradient.
   * @param labels B identities, integers in [0, 2^53).
   * @throws ProtomemError, and changes nothing, when shapes or labels do not fit, an embedding is not finite, or the
   *   batch has more classes than the memory has slots
   */
  admit(embeddings: tf.Tensor2D, labels: ArrayLike<number>): Admission {
    this.checkInUse('admit');
    let admission: Admission;
    this.seen.forgetLast();
    tf.tidy(() => {
      admission = this.commit(prepareBatch('PrototypeMemory.admit', this.memory, embeddings, labels));
    });
    return admission!;
  }

  /**
   * Admits a batch and returns its loss against the memory.
   *
   * With e an embedding at unit length and P the columns, cosines are `e * P^T`, where the cosine to a sample's own class
   * is taken to the prototype that `targetPrototype` asks for:
   * - `leave-one-out` and `split` make it like the stored one (same generation, same refresh) from the images that they
   *   allow. When they allow none, because the class has one image in the batch, it is the prototype stored before this
   *   batch; for a class that was not in memory it is the image's own embedding, a target that is met already.
   * - With `admit: 'after'`, it is the prototype as it was stored for a class that was in memory, whatever
   *   `targetPrototype` says.
   *
   * The backward pass reads the memory's buffer: finish it before the next admission.
   *
   * @param embeddings `[B, D]`, float32, not normalized; stays the caller's.
   * @param labels B identities, integers in [0, 2^53).
   * @param cosineLoss any function of cosines `[B, M]` and target columns `[B]`, int32, to one loss per sample `[B]`.
   * @param exemplars `[B, D]`, float32, not normalized: what prototypes are made from in the place of `embeddings`, such as a
   *   momentum encoder's embeddings of the same images. Constant: with `gradient: 'stop'`. Stays the caller's.
   * @returns `[B]`, differentiable in `embeddings`; the caller's.
   * @throws ProtomemError as {@link admit} does, and changes nothing; or when `cosineLoss` throws or returns anything else: with
   *   `admit: 'before'` the batch has been admitted by then
   *
   * @example
   * ```ts
   * const perSample = memory.loss(embeddings, [17, 17, 4], cosFace());
   * ```
   */
  loss(
    embeddings: tf.Tensor2D,
    labels: ArrayLike<number>,
    cosineLoss: CosineLoss,
    exemplars?: tf.Tensor2D,
  ): tf.Tensor1D {
    this.checkInUse('loss');
    this.seen.forgetLast();
    return tf.tidy(() => {
      const where = 'PrototypeMemory.loss';
      this.checkLoss(where, cosineLoss);
      const { ranks, settings } = this.memory;
      const { admit, observedSamples } = settings;
      const batch = prepareBatch(where, this.memory, embeddings, labels, exemplars);
      if (admit === 'before') this.commit(batch);
      const inputs = lossInputs(this.memory, batch);
      this.guardedShare = guardedShare(inputs);
      const watch = new LookAlikeWatch(embeddings.shape[0], observedSamples, this.step * observedSamples, ranks);
      let losses: tf.Tensor1D;
      try {
        losses = memoryLoss(inputs, cosineLoss, settings, watch);
        this.seen.note(watch, batch.groups, this.memory.slots);
      } finally {
        watch.dispose();
      }
      if (admit === 'after') this.commit(batch);
      return losses;
    });
  }

  /** Age of every class in memory, in slot order: steps since its last refresh (without `renewAge`, since its entry). */
  ages(): Float64Array {
    return Float64Array.from({ length: this.occupied }, (_, slot) => this.memory.slots.age(slot));
  }

  /**
   * The last batch's `classes`, `hitRate` (share of them found in memory), `refreshed`, `enqueued` and `evicted` classes;
   * the memory's `occupancy` in [0, 1], `meanAge` and `maxAge` in steps, and `bytes` that the prototypes take in this process. With
   * storage `bfloat16` also `roundingError`: mean of 1 - cosine between the last batch's prototypes and what was stored. With
   * generation `recognizability` or `recognizable` also the images' mean `recognizability`, and for the latter `leftOut`: how
   * many images of the last batch no prototype was made from.
   * With a guard also `guardedPairs`, and `guardedShare` of the last loss's columns that did not count for a sample.
   */
  metrics(): HeadMetrics {
    const { ids, refreshed, enqueued, evicted } = this.last;
    const ages = this.memory.slots.ages;
    return {
      classes: ids.length,
      hitRate: ids.length > 0 ? refreshed.length / ids.length : 0,
      refreshed: refreshed.length,
      enqueued: enqueued.length,
      evicted: evicted.length,
      occupancy: this.occupied / this.size,
      meanAge: ages.mean,
      maxAge: ages.max,
      bytes: this.memory.store.bytes,
      ...(this.roundingError !== undefined && { roundingError: this.roundingError }),
      ...(this.recognizability && { recognizability: this.recognizability.mean }),
      ...(this.memory.settings.generation === 'recognizable' && { leftOut: this.recognizability?.leftOut ?? 0 }),
      ...(this.memory.guard.isOn && { guardedPairs: this.memory.guard.count, guardedShare: this.guardedShare }),
    };
  }

  /**
   * The classes whose prototypes were written longest ago, the stalest first, for {@link refreshFrom}. Looks at every class
   * in memory.
   *
   * @param count at most so many
   */
  stalest(count: number): { readonly id: number; readonly age: number }[] {
    integer('PrototypeMemory.stalest', 'count', count, 0);
    const slots = Array.from({ length: this.occupied }, (_, slot) => slot);
    return slots
      .map((slot) => ({ id: this.memory.slots.idOf(slot), age: this.memory.slots.sinceWritten(slot) }))
      .sort((a, b) => b.age - a.age)
      .slice(0, count);
  }

  /**
   * Makes prototypes of classes in memory anew (C10), from embeddings that the present encoder makes of reference images:
   * `normalize((1 - ratio) stored + ratio generated)`. This is no batch: no step passes, nobody enters or leaves, and a class's
   * age and its place in the order of eviction stay, so that a class that no batch has still leaves. Only what
   * {@link stalest}, the staleness curve and `age-aware` count, steps since the prototype was written, begins anew.
   *
   * @param embeddings `[B, D]`, float32, not normalized; stays the caller's. No gradient.
   * @param labels B identities; those that are not in memory are left out.
   * @param ratio share of what is generated, in [0, 1]. Default 1: what was stored goes.
   * @returns for each class that was in memory, how stale it was: cosine of stored to generated, and age
   * @throws ProtomemError, and changes nothing, as {@link admit} does
   *
   * @example
   * ```ts
   * const ids = memory.stalest(64).map(({ id }) => id);
   * memory.refreshFrom(encoder.apply(referencesOf(ids)), ids);
   * ```
   */
  refreshFrom(embeddings: tf.Tensor2D, labels: ArrayLike<number>, ratio = 1): StalenessProbe[] {
    this.checkInUse('refreshFrom');
    const where = 'PrototypeMemory.refreshFrom';
    check(ratio >= 0 && ratio <= 1, () => ({ where, what: 'ratio', got: ratio, expected: 'a number in [0, 1]' }));
    return tf.tidy(() => {
      const { groups, slots, stored, generated, numbers } = prepareBatch(where, this.memory, embeddings, labels);
      const known = slots.flatMap((slot, group) => (slot < 0 ? [] : [group]));
      if (known.length === 0) return [];
      const rows = tf.tensor1d(known, 'int32');
      const [before, fresh] = [tf.gather(stored, rows), tf.gather(stopGradient(generated), rows)];
      const shares = known.map(() => ratio);
      this.memory.store.write(
        Int32Array.from(known, (group) => slots[group]!),
        refreshRows(fresh, before, shares).refreshed,
      );
      return known.map((group) => {
        const slot = slots[group]!;
        const age = this.memory.slots.sinceWritten(slot);
        this.memory.slots.rewrite(slot, groups.images[group]!.length, ratio === 1);
        return { id: groups.ids[group]!, age, cosine: numbers.refreshCosines[group]! };
      });
    });
  }

  /**
   * How far stored prototypes are from ones that the present encoder makes, against age. Changes nothing.
   *
   * @param fresh `[C, D]`, float32, not necessarily at unit length; stays the caller's
   * @param ids C identities; those that are not in memory are left out of the answer
   */
  stalenessProbe(fresh: tf.Tensor2D, ids: ArrayLike<number>): StalenessProbe[] {
    this.checkInUse('stalenessProbe');
    const where = 'PrototypeMemory.stalenessProbe';
    const find = (id: number) => {
      const row = this.memory.slots.find(id);
      return row < 0 ? undefined : { row, age: this.memory.slots.sinceWritten(row) };
    };
    return probeStaleness(where, fresh, ids, this.dimension, find, (rows) => storedRows(this.memory.store, rows));
  }

  /**
   * The staleness curve so far, for free: at each refresh, the cosine between the stored prototype and the one that the
   * batch makes, against the steps since it was stored; in bins that widen with age. The batch's images are others than
   * those stored, so that it lies below 1 from the first: staleness is its fall with age.
   */
  stalenessCurve(): StalenessPoint[] {
    return this.staleness.curve();
  }

  /** Begins the staleness curve anew. */
  resetStaleness(): void {
    this.staleness.reset();
  }

  /**
   * Pairs of identities that looked alike lately, the most alike first: for a few samples of each batch
   * (`observedSamples`), the class in memory that was nearest to it besides its own. The last 1024 of them; not saved.
   */
  lookAlikes(): SeenLookAlike[] {
    return this.seen.list();
  }

  /**
   * What the last {@link loss} saw of who looks like whom, for a miner: for each of `observedSamples` samples, which move on
   * through the batch from step to step, the nearest class in memory that is not in the batch, and the nearest other
   * class of the batch. Costs nothing beyond what `observedSamples` costs: the cosines are the loss's own. Empty after
   * {@link admit} and after {@link restore}.
   *
   * @example
   * ```ts
   * memory.loss(embeddings, labels, cosFace());
   * miner.observe(memory.lastLookAlikes(), memory.lastEvicted());
   * ```
   */
  lastLookAlikes(): readonly SeenLookAlike[] {
    return this.seen.last();
  }

  /** The classes that left in the last admission. Empty after {@link restore}. */
  lastEvicted(): readonly number[] {
    return this.last.evicted;
  }

  /** Pairs that the guard found and does not push apart, the most evident first; not those given to it. */
  guardedPairs(): GuardedPair[] {
    return this.memory.guard.list();
  }

  /**
   * Everything that the memory's future depends on, as data. Size: M * D values, and O(M). It does not know among how many
   * processes they were divided: those put it together on rank 0, and other ranks get {@link commonState}.
   */
  state(): State {
    this.checkInUse('state');
    return memoryState(this.memory, this.staleness);
  }

  /** The state without the prototypes: what is the same on all processes of a divided memory, bit for bit. */
  commonState(): State {
    this.checkInUse('commonState');
    return commonState(this.memory, this.staleness);
  }

  /** @internal Refuses a loss that this memory cannot take. */
  checkLoss(where: string, loss: CosineLoss): void {
    // The nearest columns are known to all.
    if (this.memory.settings.hardest === undefined) checkDivisible(where, loss, this.memory.ranks);
  }

  /**
   * Takes over a state, exactly: a memory of the same options goes on as the saved one would have. Into a smaller
   * memory the youngest classes go; slots are kept as they were as long as all of them fit.
   *
   * @throws ProtomemError, and changes nothing, when the state is of another width or damaged
   */
  restore(state: State): void {
    this.checkInUse('restore');
    restoreMemory('PrototypeMemory.restore', state, this.memory, this.staleness);
    this.last = NOTHING;
    [this.roundingError, this.recognizability, this.guardedShare] = [undefined, undefined, 0];
    this.seen.forget();
  }

  /** Frees the prototypes; the memory cannot be used afterwards. */
  dispose(): void {
    if (!this.disposed) {
      this.memory.store.dispose();
      this.memory.unrecognizable?.dispose();
    }
    this.disposed = true;
  }

  private checkInUse(name: string): void {
    checkInUse(`PrototypeMemory.${name}`, 'the memory', this.disposed);
  }

  /** Puts a prepared batch into the memory. */
  private commit(batch: BatchPrototypes): Admission {
    const { groups, known, numbers } = batch;
    const { settings, slots, store, unrecognizable, guard } = this.memory;
    const admission = admit(slots, groups, batch.slots, numbers.confidence);
    known.forEach((facts, group) => {
      if (facts) this.staleness.add(facts.age, numbers.refreshCosines[group]!);
    });
    this.last = admission;
    this.roundingError = numbers.roundingError;
    if (numbers.recognizability) {
      const { recognizability: scores } = numbers;
      const poor = (image: number): boolean => scores[image]! < Math.fround(settings.minRecognizability);
      const leftOut = groups.images.map((own) => own.filter(poor).length % own.length);
      const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0);
      this.recognizability = { mean: sum(scores) / scores.length, leftOut: sum(leftOut) };
    }
    if (unrecognizable) {
      const { unit, norms } = batch.exemplars;
      unrecognizable.assign(unrecognizableOf(unrecognizable, { unit: stopGradient(unit), norms: stopGradient(norms) }));
    }
    if (store instanceof DriftingStore) store.move(drift(settings, batch));
    const prototypes = stopGradient(batch.prototypes);
    store.write(admission.slots, prototypes);
    if (guard.looks) {
      const cosinesOf = (pairs: readonly Suspected[]) => suspectedCosines(pairs, prototypes, store);
      guard.observe(nearestOthers(admission, prototypes, this.memory), slots, cosinesOf);
    }
    return admission;
  }
}

/** Share of the other columns that the guard keeps out of a sample's loss, on average. */
function guardedShare({ guarded, groupOf, columns, excluded, columnOf }: LossInputs): number {
  const others = columns.count - excluded.length + columnOf.length - 1;
  const masked = guarded.inBatch.rows.length + guarded.inMemory.rows.length;
  return masked === 0 ? 0 : masked / (groupOf.length * others);
}

/**
 * Makes an empty Prototype Memory.
 *
 * @param options `size` and `dimension` are needed; the rest has defaults, see `createPrototypeMemory.options`
 * @returns holds one tensor `[size, dimension]` until it is disposed
 * @throws ProtomemError when an option is out of its range or a name unknown
 *
 * @example
 * ```ts
 * const memory = createPrototypeMemory({ size: 1000, dimension: 128 });
 * const { enqueued } = memory.admit(tf.randomNormal([4, 128]), [7, 7, 2 ** 40, 2 ** 40]); // [7, 2 ** 40]
 * memory.columns().print(); // [2, 128]
 * ```
 */
export const createPrototypeMemory = part(
  'createPrototypeMemory',
  memoryOptions,
  (settings) => new PrototypeMemory(settings),
  ({ prototypeRate, admit: order, hardest, sharded, storage, dimension, guardPairs = [] }) => {
    check(storage !== 'bfloat16' || dimension % 2 === 0, () => ({
      where: 'createPrototypeMemory',
      what: 'dimension with storage "bfloat16"',
      got: dimension,
      expected: 'an even number',
    }));
    for (const [i, pair] of guardPairs.entries()) {
      const areIds = pair.every((id) => Number.isSafeInteger(id) && id >= 0);
      check(pair.length === 2 && areIds && pair[0] !== pair[1], () => ({
        where: 'createPrototypeMemory',
        what: `guardPairs[${i}]`,
        got: pair,
        expected: 'two different integers in [0, 2^53)',
      }));
    }
    check(prototypeRate === 0 || !sharded, () => ({
      where: 'createPrototypeMemory',
      what: 'prototypeRate',
      got: prototypeRate,
      expected: '0 with sharded: it needs the logits of the whole memory in one process',
    }));
    check(prototypeRate === 0 || (order === 'before' && hardest === undefined), () => ({
      where: 'createPrototypeMemory',
      what: 'prototypeRate',
      got: prototypeRate,
      expected: `0 with admit "${order}"${hardest === undefined ? '' : ' and hardest'}`,
      fix: 'A gradient step on the prototypes needs admit "before", and no hardest.',
    }));
  },
);
