import { Random } from '@protomem/core';
import type { PrototypeMemoryOptions } from '../options.ts';

/** One class in the reference memory. */
export interface Entry {
  id: number;
  slot: number;
  vector: number[];
  entered: number;
  written: number;
  seen: number;
  confidence: number;
}

/** Only names: the reference knows the policies that come with the memory. */
export interface ReferenceOptions extends PrototypeMemoryOptions {
  readonly generation: 'mean' | 'medoid' | 'quality';
  readonly ownExample: 'all' | 'leave-one-out' | 'split';
  readonly gradient: 'stop' | 'exemplars';
  readonly refresh: 'blend' | 'replace' | 'running-mean' | 'age-aware';
  readonly refreshRatio: number;
  readonly renewAge: boolean;
  readonly eviction: 'oldest' | 'fifo' | 'random' | 'least-confident';
  readonly enter: 'before' | 'after';
  readonly hardest: number | undefined;
  readonly seed: number;
}

/** A loss on the cosine to a sample's own class and those to the others, in any order. */
export type NaiveLoss = (own: number, others: number[]) => number;

/** Softmax cross-entropy of logits `own` and `others`. */
export function naiveSoftmax(own: number, others: number[]): number {
  const top = Math.max(own, ...others);
  return top + Math.log([own, ...others].reduce((sum, z) => sum + Math.exp(z - top), 0)) - own;
}

const dot = (a: number[], b: number[]): number => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
const scaled = (a: number[], s: number): number[] => a.map((v) => v * s);
const sum = (vectors: number[][]): number[] => vectors[0]!.map((_, d) => vectors.reduce((s, v) => s + v[d]!, 0));
const unit = (a: number[]): number[] => scaled(a, 1 / Math.max(Math.sqrt(dot(a, a)), 1e-6));

/** The memory as one would write it on paper: float64, a list that is searched from end to end, nothing clever. */
export class ReferenceMemory {
  entries: Entry[] = [];
  step = 0;
  size: number;
  private readonly options: ReferenceOptions;
  private readonly rng: Random;

  constructor(options: ReferenceOptions) {
    this.options = options;
    this.size = options.size;
    this.rng = new Random(options.seed);
  }

  find(id: number): Entry | undefined {
    return this.entries.find((entry) => entry.id === id);
  }

  agedFrom(entry: Entry): number {
    return this.options.renewAge ? entry.written : entry.entered;
  }

  generate(exemplars: number[][]): number[] {
    const { generation } = this.options;
    if (generation === 'quality') return unit(sum(exemplars));
    const units = exemplars.map(unit);
    if (generation === 'mean') return unit(sum(units));
    const closeness = units.map((u, i) => units.reduce((s, v) => s + dot(u, v), -1e-5 * i));
    return units[closeness.indexOf(Math.max(...closeness))]!;
  }

  /** What a class becomes when it is made from these exemplars in the step to come. */
  prototype(id: number, exemplars: number[][]): number[] {
    const fresh = this.generate(exemplars);
    const entry = this.find(id);
    if (!entry) return fresh;
    const { refresh, refreshRatio: ratio } = this.options;
    const age = this.step + 1 - entry.written;
    const share = {
      blend: ratio,
      replace: 1,
      'running-mean': exemplars.length / (entry.seen + exemplars.length),
      'age-aware': 1 - (1 - ratio) ** age,
    }[refresh];
    return unit(sum([scaled(entry.vector, 1 - share), scaled(fresh, share)]));
  }

  admit(embeddings: number[][], labels: number[]) {
    const ids = [...new Set(labels)];
    const refreshed = ids.filter((id) => this.find(id));
    const enqueued = ids.filter((id) => !this.find(id));
    const evicted: number[] = [];
    const exemplarsOf = (id: number): number[][] => embeddings.filter((_, i) => labels[i] === id);
    const vectors = new Map(ids.map((id) => [id, this.prototype(id, exemplarsOf(id))]));
    this.step++;
    for (const id of refreshed) this.find(id)!.written = this.step;
    for (const id of enqueued) {
      let slot = this.entries.length;
      if (slot === this.size) {
        const victim = this.victim(ids);
        evicted.push(victim.id);
        slot = victim.slot;
        this.entries = this.entries.filter((entry) => entry !== victim);
      }
      this.entries.push({ id, slot, vector: [], entered: this.step, written: this.step, seen: 0, confidence: 0 });
    }
    for (const id of ids) {
      const entry = this.find(id)!;
      const exemplars = exemplarsOf(id);
      entry.vector = vectors.get(id)!;
      entry.seen += exemplars.length;
      entry.confidence = exemplars.reduce((s, e) => s + dot(unit(e), entry.vector), 0) / exemplars.length;
    }
    this.entries.sort((a, b) => a.slot - b.slot);
    return {
      ids,
      slots: Int32Array.from(ids, (id) => this.find(id)!.slot),
      targets: Int32Array.from(labels, (id) => this.find(id)!.slot),
      refreshed,
      enqueued,
      evicted,
    };
  }

  private victim(batch: number[]): Entry {
    const { eviction } = this.options;
    if (eviction === 'random') {
      for (;;) {
        const slot = this.rng.below(this.size);
        const entry = this.entries.find((e) => e.slot === slot)!;
        if (!batch.includes(entry.id)) return entry;
      }
    }
    const priority = (entry: Entry): number =>
      ({ oldest: this.agedFrom(entry), fifo: entry.entered, 'least-confident': entry.confidence })[eviction];
    return this.entries
      .filter((entry) => !batch.includes(entry.id))
      .sort((a, b) => priority(a) - priority(b) || a.slot - b.slot)[0]!;
  }

  /** Only the youngest stay, in the order of their slots. */
  shrink(size: number): void {
    this.size = size;
    const young = [...this.entries].sort((a, b) => this.agedFrom(b) - this.agedFrom(a) || b.slot - a.slot);
    this.entries = young.slice(0, size).sort((a, b) => a.slot - b.slot);
    this.entries.forEach((entry, slot) => {
      entry.slot = slot;
    });
  }

  /**
   * The loss of each sample, without admitting anything. What prototypes are made of is given apart, so that a
   * derivative can leave it alone.
   */
  losses(embeddings: number[][], source: number[][], labels: number[], loss: NaiveLoss): number[] {
    const { ownExample, enter, hardest = Number.POSITIVE_INFINITY } = this.options;
    const ids = [...new Set(labels)];
    const others = (id: number, keep: (i: number) => boolean): number[][] =>
      source.filter((_, i) => labels[i] === id && keep(i));
    const columns = new Map(this.entries.map((entry) => [entry.id, entry.vector]));
    if (enter === 'before') {
      const shadow = Object.assign(new ReferenceMemory(this.options), {
        entries: this.entries.map((entry) => ({ ...entry })),
        step: this.step,
        size: this.size,
      });
      shadow.rng.restore(this.rng.state());
      shadow.admit(source, labels);
      columns.clear();
      for (const entry of shadow.entries) columns.set(entry.id, entry.vector);
    } else {
      for (const id of ids)
        if (!columns.has(id))
          columns.set(
            id,
            this.prototype(
              id,
              others(id, () => true),
            ),
          );
    }
    return labels.map((id, i) => {
      const e = unit(embeddings[i]!);
      const place = (j: number): number => labels.slice(0, j).filter((label) => label === id).length;
      const support = others(id, (j) =>
        ownExample === 'leave-one-out' ? j !== i : ownExample === 'split' ? place(j) % 2 !== place(i) % 2 : true,
      );
      const known = this.find(id);
      let target = columns.get(id)!;
      if (ownExample !== 'all') {
        if (known && (support.length === 0 || enter === 'after')) target = known.vector;
        else if (support.length === 0) target = unit(source[i]!);
        else target = this.prototype(id, support);
      }
      const rivals = [...columns].flatMap(([column, vector]) => (column === id ? [] : [dot(e, vector)]));
      const entering = rivals.sort((a, b) => b - a).slice(0, hardest);
      return loss(dot(e, target), entering);
    });
  }

  /**
   * A gradient step on all prototypes, as it follows the admission of a batch whose images' cosines to their own class
   * were `own`: the loss is the sum of softmax losses at `scale`.
   */
  descend(embeddings: number[][], labels: number[], own: number[], scale: number, rate: number): void {
    const pulls = this.entries.map(() => new Array<number>(this.options.dimension).fill(0));
    embeddings.map(unit).forEach((e, i) => {
      const target = this.entries.findIndex((entry) => entry.id === labels[i]);
      const logits = this.entries.map((entry, j) => scale * (j === target ? own[i]! : dot(e, entry.vector)));
      const top = Math.max(...logits);
      const sums = logits.reduce((total, z) => total + Math.exp(z - top), 0);
      logits.forEach((z, j) => {
        const slope = scale * (Math.exp(z - top) / sums - (j === target ? 1 : 0));
        pulls[j] = pulls[j]!.map((v, d) => v + slope * e[d]!);
      });
    });
    this.entries.forEach((entry, j) => {
      entry.vector = unit(entry.vector.map((v, d) => v - rate * pulls[j]![d]!));
    });
  }
}
