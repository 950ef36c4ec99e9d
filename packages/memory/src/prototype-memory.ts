import { check, integer, type State, type Stateful, takeTensor } from '@protomem/core';
import type { CosineLoss, HeadMetrics } from '@protomem/core/contracts';
import { splitRows, stopGradient, unitRows } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { DriftingStore } from './drift.ts';
import { type Groups, groupLabels } from './group-labels.ts';
import { type Meeting, memoryLoss } from './memory-loss.ts';
import { type PrototypeMemoryOptions, type PrototypeMemorySettings, toSettings } from './options.ts';
import { targetSupport } from './own-example.ts';
import { type PrototypeStore, stores } from './prototype-store.ts';
import { type RivalPair, RivalPairs, RivalWatch } from './rival-pairs.ts';
import { type Admission, type SlotFacts, Slots } from './slots.ts';
import { Staleness, type StalenessPoint } from './staleness.ts';

/** A stored prototype against one that the present encoder makes of the same class. */
export interface StalenessProbe {
  readonly id: number;
  /** Steps since the stored prototype was last written. */
  readonly age: number;
  readonly cosine: number;
}

/** A batch from which prototypes were made, before anything is changed. */
interface Batch {
  readonly groups: Groups;
  /** Embeddings at unit length, `[B, D]`; differentiable. */
  readonly unit: tf.Tensor2D;
  /** The same and their lengths `[B]`, as prototypes see them: constants under `stop`. */
  readonly source: { readonly unit: tf.Tensor2D; readonly norms: tf.Tensor1D };
  /** Lengths of the embeddings, `[B]`; differentiable. */
  readonly norms: tf.Tensor1D;
  /** The slot of each identity, C; -1 for those that are not in memory. */
  readonly slots: readonly number[];
  /** What the refresh is told of each, as of before this batch; undefined for those that are not in memory. */
  readonly known: readonly (SlotFacts | undefined)[];
  /** What is stored for each, `[C, D]`; any row for those that are not in memory. */
  readonly stored: tf.Tensor2D;
  /** What the batch makes of each, before it is blended with what is stored, `[C, D]`. */
  readonly fresh: tf.Tensor2D;
  /** What is to be stored, `[C, D]`. */
  readonly prototypes: tf.Tensor2D;
  /** For each: length of its embeddings (B), cosine stored to fresh (C), summed cosines of its exemplars (C). */
  readonly facts: Float32Array;
}

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
  private readonly settings: PrototypeMemorySettings;
  private readonly slots: Slots;
  private readonly staleness = new Staleness();
  private readonly store: PrototypeStore;
  /** The same store, when its rows move. */
  private readonly drifting: DriftingStore | undefined;
  private readonly rivalPairs = new RivalPairs();
  private roundingError: number | undefined;
  private last = { classes: 0, refreshed: 0, enqueued: 0 };
  private evicted: readonly number[] = [];

  /** Use {@link createPrototypeMemory}. */
  constructor(options: PrototypeMemoryOptions) {
    this.settings = toSettings(options);
    this.size = this.settings.size;
    this.dimension = this.settings.dimension;
    this.slots = new Slots(this.size, this.settings);
    const kept = stores[this.settings.storage](this.size, this.dimension);
    this.drifting = this.settings.driftCompensation > 0 ? new DriftingStore(kept, this.dimension) : undefined;
    this.store = this.drifting ?? kept;
  }

  /** Classes in memory. */
  get occupied(): number {
    return this.slots.occupied;
  }

  /** Batches admitted so far: the clock that ages are counted on. */
  get step(): number {
    return this.slots.step;
  }

  /** The slot of an identity, which is its row in {@link columns}; -1 when it is not in memory. */
  slotOf(id: number): number {
    return this.slots.find(id);
  }

  /** The identity in an occupied slot. */
  idOf(slot: number): number {
    check(Number.isInteger(slot) && slot >= 0 && slot < this.occupied, () => ({
      where: 'PrototypeMemory.idOf',
      what: 'slot',
      got: slot,
      expected: `an occupied slot, 0 ... ${this.occupied - 1}`,
    }));
    return this.slots.idOf(slot);
  }

  /**
   * The prototypes, `[occupied, D]`, at unit length; row s is the class in slot s. Not differentiable. (A class whose
   * exemplars cancel out has a zero row until its next refresh.)
   *
   * @returns the caller's to dispose. It may share its buffer with the memory: copy what must outlive the next admission.
   */
  columns(): tf.Tensor2D {
    return this.store.block(0, this.occupied);
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
    let admission: Admission;
    this.rivalPairs.forgetLast();
    tf.tidy(() => {
      admission = this.commit(this.prepare('PrototypeMemory.admit', embeddings, labels));
    });
    return admission!;
  }

  /**
   * Admits a batch and returns its loss against the memory.
   *
   * With e an embedding at unit length and P the columns, cosines are `e * P^T`, where the cosine to a sample's own class
   * is taken to the prototype that `ownExample` asks for:
   * - `leave-one-out` and `split` make it like the stored one (same generation, same refresh) from the images that they
   *   allow. When they allow none, because the class has one image in the batch, it is the prototype stored before this
   *   batch; for a class that was not in memory it is the image's own embedding, a target that is met already.
   * - With `enter: 'after'`, a class that was in memory is met as it was stored, whatever `ownExample` says.
   *
   * The backward pass reads the memory's buffer: finish it before the next admission.
   *
   * @param embeddings `[B, D]`, float32, not normalized; stays the caller's.
   * @param labels B identities, integers in [0, 2^53).
   * @param cosineLoss any function of cosines `[B, M]` and target columns `[B]`, int32, to one loss per sample `[B]`.
   * @returns `[B]`, differentiable in `embeddings`; the caller's.
   * @throws ProtomemError as {@link admit} does, or when `cosineLoss` returns another shape
   *
   * @example
   * ```ts
   * const perSample = memory.loss(embeddings, [17, 17, 4], cosFace());
   * ```
   */
  loss(embeddings: tf.Tensor2D, labels: ArrayLike<number>, cosineLoss: CosineLoss): tf.Tensor1D {
    return tf.tidy(() => {
      const where = 'PrototypeMemory.loss';
      const { enter } = this.settings;
      const batch = this.prepare(where, embeddings, labels);
      if (enter === 'before') this.commit(batch);
      const meeting = this.meet(batch);
      const { observeRivals } = this.settings;
      const watch = new RivalWatch(embeddings.shape[0], observeRivals, this.step * observeRivals);
      let losses: tf.Tensor1D;
      try {
        losses = memoryLoss(meeting, cosineLoss, this.settings, watch);
        this.rivalPairs.note(watch, batch.groups, this.slots);
      } finally {
        watch.dispose();
      }
      if (enter === 'after') this.commit(batch);
      check(losses.rank === 1 && losses.size === embeddings.shape[0], () => ({
        where,
        what: 'shape of what the loss function returned',
        got: losses.shape,
        expected: `[${embeddings.shape[0]}], one loss per sample`,
      }));
      return losses;
    });
  }

  /** Age of every class in memory, in slot order: steps since its last refresh (without `renewAge`, since its entry). */
  ages(): Float64Array {
    return Float64Array.from({ length: this.occupied }, (_, slot) => this.slots.age(slot));
  }

  /**
   * The last batch's `classes`, `hitRate` (share of them found in memory), `refreshed`, `enqueued` and `evicted` classes;
   * the memory's `occupancy` in [0, 1], `meanAge` and `maxAge` in steps, and `bytes` that the prototypes take. With
   * storage `bfloat16` also `roundingError`: mean of 1 - cosine between the last batch's prototypes and what was stored.
   */
  metrics(): HeadMetrics {
    const { classes, refreshed, enqueued } = this.last;
    let [sum, maxAge] = [0, 0];
    for (let slot = 0; slot < this.occupied; slot++) {
      const age = this.slots.age(slot);
      sum += age;
      if (age > maxAge) maxAge = age;
    }
    return {
      classes,
      hitRate: classes > 0 ? refreshed / classes : 0,
      refreshed,
      enqueued,
      evicted: this.evicted.length,
      occupancy: this.occupied / this.size,
      meanAge: this.occupied > 0 ? sum / this.occupied : 0,
      maxAge,
      bytes: this.store.bytes,
      ...(this.roundingError !== undefined && { roundingError: this.roundingError }),
    };
  }

  /**
   * The classes whose prototypes were written longest ago, the stalest first: for a program that keeps reference images,
   * encodes them anew and admits them. Looks at every class in memory.
   *
   * @param count at most so many
   *
   * @example
   * ```ts
   * const ids = memory.stalest(64).map(({ id }) => id);
   * memory.admit(encoder.apply(referencesOf(ids)), ids);
   * ```
   */
  stalest(count: number): { readonly id: number; readonly age: number }[] {
    integer('PrototypeMemory.stalest', 'count', count, 0);
    const slots = Array.from({ length: this.occupied }, (_, slot) => slot);
    return slots
      .map((slot) => ({ id: this.slots.idOf(slot), age: this.slots.sinceWritten(slot) }))
      .sort((a, b) => b.age - a.age)
      .slice(0, count);
  }

  /**
   * How far stored prototypes are from ones that the present encoder makes, against age. Changes nothing.
   *
   * @param fresh `[C, D]`, float32, not necessarily at unit length; stays the caller's
   * @param ids C identities; those that are not in memory are left out of the answer
   */
  stalenessProbe(fresh: tf.Tensor2D, ids: ArrayLike<number>): StalenessProbe[] {
    const where = 'PrototypeMemory.stalenessProbe';
    this.checkEmbeddings(where, 'fresh', fresh);
    check(ids.length === fresh.shape[0], () => ({
      where,
      what: 'number of ids',
      got: ids.length,
      expected: `${fresh.shape[0]}, one for each prototype`,
    }));
    const slots = Array.from(ids, (id) => this.slots.find(id));
    const cosines = tf.tidy(() => {
      const stored = this.rows(slots);
      return tf.sum(tf.mul(stored, unitRows(fresh)), 1).dataSync();
    });
    return slots.flatMap((slot, i) =>
      slot < 0 ? [] : [{ id: ids[i]!, age: this.slots.sinceWritten(slot), cosine: cosines[i]! }],
    );
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
   * (`observeRivals`), the class in memory that was nearest to it besides its own. The last 1024 of them; not saved.
   */
  rivals(): RivalPair[] {
    return this.rivalPairs.list();
  }

  /**
   * What the last {@link loss} saw of who looks like whom, for a miner: for each of `observeRivals` samples, which move on
   * through the batch from step to step, the nearest class in memory that is not in the batch, and the nearest other
   * class of the batch. Costs nothing beyond what `observeRivals` costs: the cosines are the loss's own. Empty after
   * {@link admit} and after {@link restore}.
   *
   * @example
   * ```ts
   * memory.loss(embeddings, labels, cosFace());
   * miner.observe(memory.lastLookAlikes(), memory.lastEvicted());
   * ```
   */
  lastLookAlikes(): readonly RivalPair[] {
    return this.rivalPairs.last();
  }

  /** The classes that left in the last admission. Empty after {@link restore}. */
  lastEvicted(): readonly number[] {
    return this.evicted;
  }

  /** Everything that the memory's future depends on, as data. Size: M * D values, and O(M). */
  state(): State {
    const { values, tensors } = this.slots.state();
    // Rows as they are kept: what is read of a moving store is rounded anew.
    const kept = (this.drifting?.kept ?? this.store).block(0, this.occupied);
    const prototypes = Float32Array.from(kept.dataSync());
    kept.dispose();
    return {
      values,
      tensors: {
        ...tensors,
        prototypes: { dtype: 'F32', shape: [this.occupied, this.dimension], data: prototypes },
        staleness: this.staleness.state(),
        ...(this.drifting && { moved: { dtype: 'F32', shape: [this.dimension], data: this.drifting.moved() } }),
      },
    };
  }

  /**
   * Takes over a state, exactly: a memory of the same options goes on as the saved one would have. Into a smaller
   * memory the youngest classes go; slots are kept as they were as long as all of them fit.
   *
   * @throws ProtomemError, and changes nothing, when the state is of another width or damaged
   */
  restore(state: State): void {
    const where = 'PrototypeMemory.restore';
    const count = state.tensors.ids?.shape[0] ?? 0;
    const prototypes = takeTensor(where, state.tensors, 'prototypes', 'F32', [count, this.dimension]);
    check(prototypes.every(Number.isFinite), () => ({
      where,
      what: 'tensor "prototypes"',
      got: 'not finite everywhere',
      expected: 'finite numbers',
      fix: 'Take another checkpoint.',
    }));
    takeTensor(where, state.tensors, 'staleness', 'F64', this.staleness.state().shape);
    const moved = this.drifting && takeTensor(where, state.tensors, 'moved', 'F32', [this.dimension]);
    const kept = this.slots.restore(where, state);
    this.staleness.restore(where, state.tensors);
    this.last = { classes: 0, refreshed: 0, enqueued: 0 };
    this.evicted = [];
    this.rivalPairs.forgetLast();
    const rows = new Float32Array(kept.length * this.dimension);
    kept.forEach((row, slot) => {
      rows.set(prototypes.subarray(row * this.dimension, (row + 1) * this.dimension), slot * this.dimension);
    });
    if (moved) this.drifting!.restoreMoved(moved);
    tf.tidy(() => {
      (this.drifting?.kept ?? this.store).write(
        Int32Array.from(kept, (_, slot) => slot),
        tf.tensor2d(rows, [kept.length, this.dimension]),
      );
    });
  }

  /** Frees the prototypes; the memory cannot be used afterwards. */
  dispose(): void {
    this.store.dispose();
  }

  /** Makes a batch's prototypes and checks everything that can be wrong with it. */
  private prepare(where: string, embeddings: tf.Tensor2D, labels: ArrayLike<number>): Batch {
    this.checkEmbeddings(where, 'embeddings', embeddings);
    const groups = groupLabels(where, labels, embeddings.shape[0]);
    const classes = groups.ids.length;
    check(classes <= this.size, () => ({
      where,
      what: 'number of identities in the batch',
      got: classes,
      expected: `at most ${this.size}, the size of the memory`,
      fix: 'Make the memory larger or the batch smaller.',
    }));
    const slots = groups.ids.map((id) => this.slots.find(id));

    const { unit, norms } = splitRows(embeddings);
    const source =
      this.settings.gradient === 'stop' ? { unit: stopGradient(unit), norms: stopGradient(norms) } : { unit, norms };

    const images = embeddings.shape[0];
    const members = new Float32Array(classes * images);
    groups.groupOf.forEach((group, i) => {
      members[group * images + i] = 1;
    });
    const support = tf.tensor2d(members, [classes, images]);
    const known = slots.map((slot) => (slot < 0 ? undefined : this.slots.facts(slot)));
    const shares = known.map((facts, group) => this.share(facts, groups.sizes[group]!));
    const stored = this.rows(slots);
    const sums: tf.Tensor2D = tf.matMul(support, source.unit);
    const fresh = this.generate(source, support, sums);
    const prototypes = blend(stored, fresh, shares);
    const rounded = this.store.rounded?.(prototypes);
    const facts = tf.concat([
      source.norms,
      tf.sum(tf.mul(stored, fresh), 1),
      tf.sum(tf.mul(prototypes, sums), 1),
      ...(rounded ? [tf.sub(1, tf.mean(tf.sum(tf.mul(unitRows(rounded), prototypes), 1, true), 0))] : []),
    ]);
    // The one read of the step: a prototype that is not a number would stay in the memory.
    const numbers = facts.dataSync<'float32'>();
    for (let i = 0; i < images; i++) {
      check(Number.isFinite(numbers[i]), () => ({
        where,
        what: `embedding ${i} of ${images} (identity ${labels[i]})`,
        got: `of length ${numbers[i]}`,
        expected: 'finite',
        fix: 'Lower the learning rate, clip gradients, or look at this image.',
      }));
    }
    check(numbers.every(Number.isFinite), () => ({
      where,
      what: 'a prototype made from the batch',
      got: 'not finite',
      expected: 'finite numbers',
      fix: 'Look at the function given as generation.',
    }));
    return { groups, unit, source, norms, slots, known, stored, fresh, prototypes, facts: numbers };
  }

  /** Writes a prepared batch into the memory. */
  private commit(batch: Batch): Admission {
    const { groups, known, facts } = batch;
    const [images, classes] = [groups.groupOf.length, known.length];
    known.forEach((slot, group) => {
      if (slot) this.staleness.add(slot.age, facts[images + group]!);
    });
    const confidence = Float64Array.from(groups.sizes, (size, group) => facts[images + classes + group]! / size);
    const admission = this.slots.admit(groups, confidence);
    this.roundingError = facts[images + 2 * classes];
    this.drifting?.move(this.movement(batch));
    this.store.write(admission.slots, stopGradient(batch.prototypes));
    this.last = {
      classes,
      refreshed: admission.refreshed.length,
      enqueued: admission.enqueued.length,
    };
    this.evicted = admission.evicted;
    return admission;
  }

  /** By how much the classes that came back have moved in a step, times the option; `[1, D]`. */
  private movement({ known, stored, fresh }: Batch): tf.Tensor2D {
    const returned = known.filter((facts) => facts !== undefined).length;
    const weights = known.map((facts) =>
      facts ? this.settings.driftCompensation / (facts.age * Math.max(returned, 1)) : 0,
    );
    return tf.matMul(tf.tensor2d(weights, [1, weights.length]), tf.sub(stopGradient(fresh), stored));
  }

  /** Brings a batch and the memory together: before its admission for `enter: 'after'`, else after it. */
  private meet(batch: Batch): Meeting {
    const { groups, known, stored, prototypes, unit } = batch;
    const after = this.settings.enter === 'after';
    const slots = after ? batch.slots : groups.ids.map((id) => this.slots.find(id));
    // C7 `after`: a class in memory is met as it was stored; one that is not gets a column behind those of the memory.
    const isKnown = tf.tensor1d(
      known.map((facts) => facts !== undefined),
      'bool',
    );
    const fresh = after ? tf.where(tf.expandDims(isKnown, 1), stored, prototypes) : prototypes;
    let column = this.occupied;
    const ownGroup = tf.tensor1d(groups.groupOf, 'int32');
    const own =
      this.settings.ownExample === 'all' ? tf.gather<tf.Tensor2D>(fresh, ownGroup) : this.targetPrototypes(batch);
    return {
      unit,
      norms: batch.norms,
      own: tf.sum(tf.mul(unit, own), 1),
      ownGroup,
      fresh,
      columnOf: slots.map((slot) => (slot < 0 ? column++ : slot)),
      rest: {
        count: this.occupied,
        block: (from, count) => this.store.block(from, count),
        rows: (at) => this.store.rows(at),
        write: (at, values) => this.store.write(at, values),
      },
      leftOut: Int32Array.from(slots.filter((slot) => slot >= 0)),
    };
  }

  /** The prototype that each image is classified against, `[B, D]`; not for `ownExample: 'all'`. */
  private targetPrototypes(batch: Batch): tf.Tensor2D {
    const { groups, known, stored, source } = batch;
    const images = groups.groupOf.length;
    const support = targetSupport(this.settings.ownExample, groups);
    const shares = Array.from(groups.groupOf, (group, i) => {
      const row = support.subarray(i * images, (i + 1) * images);
      const exemplars = row.reduce((a, b) => a + b, 0);
      const facts = known[group];
      if (!facts) {
        // An image alone of a class not met before: there is nothing else to make its target from.
        if (exemplars === 0) row[i] = 1;
        return 1;
      }
      return exemplars === 0 || this.settings.enter === 'after' ? 0 : this.share(facts, exemplars);
    });
    const fresh = this.generate(source, tf.tensor2d(support, [images, images]));
    return blend(tf.gather(stored, tf.tensor1d(groups.groupOf, 'int32')), fresh, shares);
  }

  /** @param sums `support * unit`, where it is at hand: what weights of 1 come to. */
  private generate(source: Batch['source'], support: tf.Tensor2D, sums?: tf.Tensor2D): tf.Tensor2D {
    const weights = this.settings.generation({ ...source, support });
    // A clone of the support shares its data: no second product then.
    return unitRows(sums && weights.dataId === support.dataId ? sums : tf.matMul(weights, source.unit));
  }

  /** The share of the batch's prototype in what is stored; all of it for a class that is not in memory. */
  private share(facts: SlotFacts | undefined, exemplars: number): number {
    if (!facts) return 1;
    const { refresh, refreshRatio: ratio } = this.settings;
    const share = refresh({ ...facts, exemplars, ratio });
    check(share >= 0 && share <= 1, () => ({
      where: 'createPrototypeMemory',
      what: 'result of the function given as refresh',
      got: share,
      expected: 'a number in [0, 1]',
    }));
    return share;
  }

  /** The stored prototypes of slots, `[n, D]`; the first row for a slot of -1. */
  private rows(slots: readonly number[]): tf.Tensor2D {
    return tf.tidy(() =>
      this.store.rows(
        tf.tensor1d(
          slots.map((slot) => Math.max(slot, 0)),
          'int32',
        ),
      ),
    );
  }

  private checkEmbeddings(where: string, what: string, x: tf.Tensor2D): void {
    check(x.rank === 2 && x.shape[0] > 0 && x.shape[1] === this.dimension && x.dtype === 'float32', () => ({
      where,
      what,
      got: `${x.dtype} ${JSON.stringify(x.shape)}`,
      expected: `float32 [B, ${this.dimension}], B >= 1`,
    }));
  }
}

/** `normalize((1 - share) * stored + share * fresh)`, row by row. */
function blend(stored: tf.Tensor2D, fresh: tf.Tensor2D, shares: readonly number[]): tf.Tensor2D {
  const share = tf.expandDims<tf.Tensor2D>(tf.tensor1d([...shares]), 1);
  return unitRows(tf.add(tf.mul(tf.sub(1, share), stored), tf.mul(share, fresh)));
}

/**
 * Makes an empty Prototype Memory.
 *
 * @param options `size` and `dimension` are needed; the rest has defaults, see {@link PrototypeMemoryOptions}
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
export function createPrototypeMemory(options: PrototypeMemoryOptions): PrototypeMemory {
  return new PrototypeMemory(options);
}
