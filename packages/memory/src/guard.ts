import { check, pairKey, type TensorData } from '@protomem/core';
import type { Groups, Mask } from '@protomem/heads';
import type { MemorySettings } from './options.ts';
import type { Slots } from './slots.ts';

/** Two identities that may be one person, so that neither is pushed away from the other's prototype. */
export interface GuardedPair {
  /** The lower of both ids. */
  readonly a: number;
  readonly b: number;
  /** Visits of either that spoke for the pair, less those that spoke against it. */
  readonly evidence: number;
  /** Step of the last visit that spoke for it. */
  readonly step: number;
}

/** Elements of a softmax that do not count: samples, and the columns of who may be the same person. */
export interface Guarded {
  /** Columns are classes of the batch. */
  readonly inBatch: Mask;
  /** Columns are slots, of classes that are not in the batch. */
  readonly inMemory: Mask;
}

/** A class of a batch, and the other class in memory whose prototype is most like its own. */
export interface NearestOther {
  readonly id: number;
  readonly other: number;
  readonly cosine: number;
}

/** A class of a batch, by its place in it, and the slot of another that it has been suspected to be. */
export interface Suspected {
  readonly group: number;
  readonly slot: number;
}

/**
 * Who may be one person. A visit of a class speaks for its pair with the most alike of all other prototypes in memory, if
 * that is alike enough, and against those of its pairs in memory that are not: where one person has three names, two of them
 * are alike enough and only one is the nearest. One visit says little: whoever is near once is the rival
 * that teaches most. One person under two names stays nearest, visit after visit, though pushed away.
 *
 * Bytes held depend on how many pairs are kept, and on nothing else.
 */
export class Guard {
  private readonly above: number;
  private readonly visits: number;
  private readonly limit: number;
  private readonly given: ReadonlySet<string>;
  /** In the order of their steps: the first is the one that nothing has spoken for the longest. */
  private readonly found = new Map<string, GuardedPair>();
  /** The others of each identity's pairs, of those given and those found. */
  private readonly others = new Map<number, Set<number>>();

  constructor({ guardAbove = Number.POSITIVE_INFINITY, guardVisits, guardLimit, guardPairs = [] }: MemorySettings) {
    this.above = guardAbove;
    this.visits = guardVisits;
    this.limit = guardLimit;
    for (const [a, b] of guardPairs) this.join(a, b);
    this.given = new Set(guardPairs.map(([a, b]) => pairKey(a, b)));
  }

  /** Whether it is to be told of the nearest others of each batch. */
  get looks(): boolean {
    return Number.isFinite(this.above);
  }

  /** Whether it may ever guard anybody. */
  get isOn(): boolean {
    return this.looks || this.given.size > 0;
  }

  /** Pairs that count, given and found. */
  get count(): number {
    return this.given.size + this.counted().length;
  }

  /** Pairs found that count and were not given, the most evident first. */
  list(): GuardedPair[] {
    return this.counted().sort((x, y) => y.evidence - x.evidence || y.step - x.step);
  }

  private counted(): GuardedPair[] {
    const counts = ([key, { evidence }]: [string, GuardedPair]) => evidence >= this.visits && !this.given.has(key);
    return [...this.found].filter(counts).map(([, pair]) => pair);
  }

  /**
   * Takes note of a batch that has been admitted.
   *
   * @param nearest one for each class of the batch
   * @param cosinesOf pairs of the batch's classes with others in memory
   */
  observe(
    nearest: readonly NearestOther[],
    slots: Slots,
    cosinesOf: (pairs: readonly Suspected[]) => ArrayLike<number>,
  ): void {
    const suspected = nearest.flatMap(({ id }, group) =>
      [...(this.others.get(id) ?? [])].map((partner) => ({
        key: pairKey(id, partner),
        group,
        slot: slots.find(partner),
      })),
    );
    // Nothing can be said of who is not there.
    const present = suspected.filter(({ key, slot }) => slot >= 0 && this.found.has(key));
    const cosines = cosinesOf(present);
    const unlike = nearest.map((): string[] => []);
    for (const [i, { group, key }] of present.entries()) if (cosines[i]! < this.above) unlike[group]!.push(key);
    for (const [group, { id, other, cosine }] of nearest.entries()) {
      for (const key of unlike[group]!) this.speakAgainst(key);
      if (cosine >= this.above) this.speakFor(id, other, slots.step);
    }
  }

  /** What does not count for a batch, with the slots as they are. */
  elements({ ids, images }: Groups, slots: Slots): Guarded {
    const guarded = { inBatch: { rows: [], columns: [] }, inMemory: { rows: [], columns: [] } } as Guarded;
    if (this.others.size === 0) return guarded;
    const groupOf = new Map(ids.map((id, group) => [id, group]));
    for (const [group, id] of ids.entries()) {
      for (const other of this.others.get(id) ?? []) {
        const mask = groupOf.has(other) ? guarded.inBatch : guarded.inMemory;
        const column = groupOf.get(other) ?? slots.find(other);
        if (column < 0 || !this.counts(pairKey(id, other))) continue;
        for (const image of images[group]!) {
          mask.rows.push(image);
          mask.columns.push(column);
        }
      }
    }
    return guarded;
  }

  /** The pairs found, `[P, 4]`: both ids, evidence, step. Those given are an option. */
  state(): TensorData {
    const data = Float64Array.from(
      [...this.found.values()].flatMap(({ a, b, evidence, step }) => [a, b, evidence, step]),
    );
    return { dtype: 'F64', shape: [this.found.size, 4], data };
  }

  /** Pairs of a state, checked; nothing is changed. */
  static read(where: string, saved: Float64Array): GuardedPair[] {
    return Array.from({ length: saved.length / 4 }, (_, row) => {
      const [a, b, evidence, step] = saved.subarray(4 * row, 4 * row + 4) as unknown as [
        number,
        number,
        number,
        number,
      ];
      const counts = [a, b, evidence, step].every((value) => Number.isSafeInteger(value) && value >= 0);
      check(counts && a < b && evidence >= 1, () => ({
        where,
        what: `guard[${row}]`,
        got: [a, b, evidence, step],
        expected: 'two ids in ascending order, a count of visits and a step',
        fix: 'The state is not one of a prototype memory.',
      }));
      return { a, b, evidence, step };
    });
  }

  /** Takes over pairs, in their order; of more than are kept, the last ones. */
  restore(pairs: readonly GuardedPair[]): void {
    for (const key of [...this.found.keys()]) this.remove(key);
    for (const pair of pairs) this.put({ ...pair, evidence: Math.min(pair.evidence, 2 * this.visits) });
  }

  private counts(key: string): boolean {
    return this.given.has(key) || (this.found.get(key)?.evidence ?? 0) >= this.visits;
  }

  private speakFor(id: number, other: number, step: number): void {
    const evidence = (this.found.get(pairKey(id, other))?.evidence ?? 0) + 1;
    // Bounded, so that a pair that has been suspected for long is cleared as soon as one that was not.
    this.put({ a: Math.min(id, other), b: Math.max(id, other), evidence: Math.min(evidence, 2 * this.visits), step });
  }

  private speakAgainst(key: string): void {
    const pair = this.found.get(key);
    // It may have gone since: its other class is in the batch, too, or another pair took its place.
    if (!pair) return;
    if (pair.evidence === 1) this.remove(key);
    else this.found.set(key, { ...pair, evidence: pair.evidence - 1 });
  }

  private put(pair: GuardedPair): void {
    const key = pairKey(pair.a, pair.b);
    this.found.delete(key);
    this.found.set(key, pair);
    this.join(pair.a, pair.b);
    if (this.found.size > this.limit) this.remove(this.found.keys().next().value!);
  }

  private remove(key: string): void {
    const { a, b } = this.found.get(key)!;
    this.found.delete(key);
    if (this.given.has(key)) return;
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      this.others.get(one)!.delete(other);
      if (this.others.get(one)!.size === 0) this.others.delete(one);
    }
  }

  private join(a: number, b: number): void {
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      this.others.set(one, (this.others.get(one) ?? new Set()).add(other));
    }
  }
}
