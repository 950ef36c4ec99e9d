import {
  check,
  ProtomemError,
  Random,
  type RandomState,
  type State,
  type TensorData,
  takeTensor,
} from '@protomem/core';
import type { MemorySettings } from './options.ts';
import { type Eviction, evictions, policy, type Refreshed, type Visited } from './policies.ts';
import { SlotHeap } from './slot-heap.ts';
import { StepCounts } from './step-counts.ts';

/** What the admission of a batch changed. */
export interface Admission {
  /** The distinct identities of the batch, C, in order of first appearance. */
  readonly ids: readonly number[];
  /** The slot of each of `ids`: its row in the memory. */
  readonly slots: Int32Array;
  /** The slot of each image's identity, B: its target column. */
  readonly targets: Int32Array;
  /** Identities that were in memory. */
  readonly refreshed: readonly number[];
  /** Identities that were not. */
  readonly enqueued: readonly number[];
  /** Identities that had to leave. */
  readonly evicted: readonly number[];
}

/** What the memory knows of a class that is about to be refreshed. */
export type SlotFacts = Omit<Refreshed, 'exemplars' | 'ratio'>;

/**
 * Which identity is in which slot, since when, and who leaves next: the memory without its prototypes. Occupied slots
 * are always the first ones. Bytes held depend on `size` alone.
 */
export class Slots {
  /** Batches admitted. */
  step = 0;
  occupied = 0;
  readonly size: number;
  private readonly renewAge: boolean;
  private readonly eviction: Eviction | 'random';
  private readonly rng: Random;
  private readonly slotOf = new Map<number, number>();
  private readonly ids: Float64Array;
  /** Steps of entry, of the last batch that had the class, and in which its prototype was written last. */
  private readonly entered: Float64Array;
  private readonly visited: Float64Array;
  private readonly written: Float64Array;
  private readonly seen: Float64Array;
  /** The same as of the last visit, by which the order goes. */
  private readonly seenAtVisit: Float64Array;
  private readonly confidence: Float64Array;
  private readonly order: SlotHeap;
  /** The steps that ages are counted from, of all classes. */
  private readonly agedFroms = new StepCounts();
  /** A slot below `occupied` that a class has just left. */
  private vacant: number | undefined;

  constructor({ size, renewAge, eviction, seed }: MemorySettings) {
    this.size = size;
    this.renewAge = renewAge;
    this.eviction = policy<Eviction | 'random'>(evictions, eviction);
    this.rng = new Random(seed);
    this.ids = new Float64Array(size);
    this.entered = new Float64Array(size);
    this.visited = new Float64Array(size);
    this.written = new Float64Array(size);
    this.seen = new Float64Array(size);
    this.seenAtVisit = new Float64Array(size);
    this.confidence = new Float64Array(size);
    this.order = new SlotHeap(size);
  }

  /** The slot of an identity; -1 when it is not in memory. */
  find(id: number): number {
    return this.slotOf.get(id) ?? -1;
  }

  idOf(slot: number): number {
    return this.ids[slot]!;
  }

  /** Steps since an occupied slot's age was last renewed. */
  age(slot: number): number {
    return this.step - this.agedFrom(slot);
  }

  /** Mean and greatest {@link age} of all classes, 0 where there is none. */
  get ages(): { readonly mean: number; readonly max: number } {
    if (this.occupied === 0) return { mean: 0, max: 0 };
    return { mean: this.step - this.agedFroms.mean, max: this.step - this.agedFroms.first };
  }

  /** What a refresh by the next batch looks at, of an occupied slot. */
  facts(slot: number): SlotFacts {
    return { id: this.ids[slot]!, age: this.step + 1 - this.written[slot]!, seen: this.seen[slot]! };
  }

  /** Steps since an occupied slot was last written. */
  sinceWritten(slot: number): number {
    return this.step - this.written[slot]!;
  }

  /** Whether a class can only enter when another leaves. */
  get isFull(): boolean {
    return this.occupied === this.size;
  }

  /** The class of a slot is refreshed in this step; until its {@link visit} it cannot be dequeued. */
  renew(slot: number): void {
    this.agedFroms.remove(this.agedFrom(slot));
    this.visited[slot] = this.step;
    this.agedFroms.add(this.agedFrom(slot));
    this.written[slot] = this.step;
    if (this.eviction !== 'random') this.order.remove(slot);
  }

  /** Gives a class that is not in memory the slot that was left last, or the first free one, which it returns; it is to be visited next. */
  enqueue(id: number): number {
    const slot = this.vacant ?? this.occupied;
    this.vacant = undefined;
    this.occupied++;
    this.slotOf.set(id, slot);
    this.ids[slot] = id;
    this.entered[slot] = this.step;
    this.visited[slot] = this.step;
    this.written[slot] = this.step;
    this.seen[slot] = 0;
    this.agedFroms.add(this.step);
    return slot;
  }

  /** A class's prototype was made anew, from exemplars of no batch: its place in the order in which classes leave stays. */
  rewrite(slot: number, exemplars: number, isReplaced: boolean): void {
    this.written[slot] = this.step;
    this.seen[slot] = exemplars + (isReplaced ? 0 : this.seen[slot]!);
  }

  /** Takes out the class that is first to leave, none of this step's; another is to be enqueued in its place. */
  dequeue(): number {
    let slot: number;
    if (this.eviction === 'random') {
      // A slot visited in this step belongs to the batch.
      do slot = this.rng.below(this.size);
      while (this.visited[slot] === this.step);
    } else {
      slot = this.order.pop();
    }
    this.vacant = slot;
    this.agedFroms.remove(this.agedFrom(slot));
    this.occupied--;
    const id = this.ids[slot]!;
    this.slotOf.delete(id);
    return id;
  }

  /**
   * Takes note of a class's exemplars in this step, and puts it in the order in which classes leave.
   *
   * @param confidence their mean cosine to the prototype stored
   * @param priority as {@link nextPriority} said
   */
  visit(slot: number, exemplars: number, confidence: number, priority: number): void {
    this.seen[slot]! += exemplars;
    this.seenAtVisit[slot] = this.seen[slot]!;
    this.confidence[slot] = confidence;
    if (this.eviction !== 'random') this.order.push(slot, priority);
  }

  /**
   * Where a class will be in the order in which classes leave, once the next step has visited it. Changes nothing.
   *
   * @param slot -1 for a class that is not in memory
   */
  nextPriority(id: number, slot: number, exemplars: number, confidence: number): number {
    const step = this.step + 1;
    const [enteredAt, seen] = slot < 0 ? [step, 0] : [this.entered[slot]!, this.seen[slot]!];
    const agedFrom = this.renewAge ? step : enteredAt;
    return this.priorityOf({ id, enteredAt, agedFrom, seen: seen + exemplars, confidence });
  }

  state(): State {
    const n = this.occupied;
    const column = (values: Float64Array): TensorData => ({ dtype: 'F64', shape: [n], data: values.slice(0, n) });
    return {
      values: { step: this.step, rng: this.rng.state() },
      tensors: {
        ids: column(this.ids),
        entered: column(this.entered),
        visited: column(this.visited),
        written: column(this.written),
        seen: column(this.seen),
        seenAtVisit: column(this.seenAtVisit),
        confidence: column(this.confidence),
      },
    };
  }

  /**
   * Takes over a state, checked first as a whole. When it has more classes than this memory has slots, the youngest
   * survive and close ranks.
   *
   * @returns the saved rows that survive, in the order of the slots they now have
   */
  restore(where: string, state: State): Int32Array {
    const step = state.values.step as number;
    const rng = state.values.rng as RandomState;
    const fail = (what: string, got: unknown, expected: string): never => {
      throw new ProtomemError({ where, what, got, expected, fix: 'The state is not one of a prototype memory.' });
    };
    if (!Number.isSafeInteger(step) || step < 0) return fail('step', step, 'a count of steps');
    const ids = takeTensor(where, state.tensors, 'ids', 'F64', [null]);
    const column = (name: string): Float64Array => takeTensor(where, state.tensors, name, 'F64', [ids.length]);
    const [entered, written, seen, confidence] = [
      column('entered'),
      column('written'),
      column('seen'),
      column('confidence'),
    ];
    // Before prototypes were ever made anew, both were one.
    const visited = 'visited' in state.tensors ? column('visited') : written;
    const seenAtVisit = 'seenAtVisit' in state.tensors ? column('seenAtVisit') : seen;
    const distinct = new Set<number>();
    for (const [row, id] of ids.entries()) {
      if (!Number.isSafeInteger(id) || id < 0 || distinct.has(id)) {
        return fail(`ids[${row}]`, id, 'an integer in [0, 2^53), each once');
      }
      distinct.add(id);
      const inOrder =
        1 <= entered[row]! && entered[row]! <= visited[row]! && visited[row]! <= written[row]! && written[row]! <= step;
      if (!inOrder) return fail(`steps of ids[${row}]`, [entered[row], written[row]], `entry <= refresh <= ${step}`);
      if (!(seen[row]! >= 1)) return fail(`seen[${row}]`, seen[row], 'a count >= 1');
      if (!(seenAtVisit[row]! >= 1)) return fail(`seenAtVisit[${row}]`, seenAtVisit[row], 'a count >= 1');
      if (!Number.isFinite(confidence[row])) return fail(`confidence[${row}]`, confidence[row], 'a finite number');
    }
    if (!Array.isArray(rng)) return fail('rng', rng, 'four words');

    const agedFrom = this.renewAge ? visited : entered;
    const rows = Int32Array.from(ids, (_, row) => row);
    const kept = rows
      .toSorted((a, b) => agedFrom[b]! - agedFrom[a]! || b - a)
      .slice(0, this.size)
      .sort();
    const priorities = Float64Array.from(kept, (row) =>
      this.priorityOf({
        ...{ id: ids[row]!, enteredAt: entered[row]!, agedFrom: agedFrom[row]! },
        ...{ seen: seenAtVisit[row]!, confidence: confidence[row]! },
      }),
    );
    this.rng.restore(rng);
    this.step = step;
    this.occupied = kept.length;
    this.slotOf.clear();
    this.order.clear();
    this.agedFroms.clear();
    kept.forEach((row, slot) => {
      this.ids[slot] = ids[row]!;
      this.entered[slot] = entered[row]!;
      this.visited[slot] = visited[row]!;
      this.written[slot] = written[row]!;
      this.seen[slot] = seen[row]!;
      this.seenAtVisit[slot] = seenAtVisit[row]!;
      this.confidence[slot] = confidence[row]!;
      this.slotOf.set(ids[row]!, slot);
      this.agedFroms.add(this.agedFrom(slot));
      if (this.eviction !== 'random') this.order.push(slot, priorities[slot]!);
    });
    return kept;
  }

  private agedFrom(slot: number): number {
    return this.renewAge ? this.visited[slot]! : this.entered[slot]!;
  }

  private priorityOf(visited: Visited): number {
    if (this.eviction === 'random') return 0;
    const priority = this.eviction(visited);
    check(!Number.isNaN(priority), () => ({
      where: 'createPrototypeMemory',
      what: 'result of the function given as eviction',
      got: priority,
      expected: 'a number',
    }));
    return priority;
  }
}
