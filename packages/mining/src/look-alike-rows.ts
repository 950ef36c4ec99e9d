import { ProtomemError, type State, takeTensor } from '@protomem/core';

/** A class that looked like another. */
export interface Doppelganger {
  readonly id: number;
  /** As it was seen last. */
  readonly cosine: number;
  /** Step in which it was seen last. */
  readonly step: number;
}

/**
 * Up to `width` doppelgangers for each of up to `size` identities; 24 bytes a look-alike, all of them taken at once.
 * When it is full, the identity that was written to longest ago makes room.
 */
export class LookAlikeRows {
  readonly size: number;
  readonly width: number;
  /** Row of each identity, the one written to longest ago first. */
  private readonly rowOf = new Map<number, number>();
  /** Rows that are free; beyond `used`, all are. */
  private readonly free: number[] = [];
  private used = 0;
  private readonly doppelgangers: Float64Array;
  private readonly cosines: Float64Array;
  private readonly steps: Float64Array;
  /** Doppelgangers in each row, which are its first places. */
  private readonly counts: Uint32Array;

  constructor(size: number, width: number) {
    this.size = size;
    this.width = width;
    this.doppelgangers = new Float64Array(size * width);
    this.cosines = new Float64Array(size * width);
    this.steps = new Float64Array(size * width);
    this.counts = new Uint32Array(size);
  }

  /** Identities that have a row. */
  get occupied(): number {
    return this.rowOf.size;
  }

  /** Identities that have a row, the one written to longest ago first. */
  ids(): number[] {
    return [...this.rowOf.keys()];
  }

  has(id: number): boolean {
    return this.rowOf.has(id);
  }

  /** The doppelgangers of an identity, in no order; none when it has no row. */
  of(id: number): Doppelganger[] {
    const row = this.rowOf.get(id);
    if (row === undefined) return [];
    return Array.from({ length: this.counts[row]! }, (_, i) => this.at(row * this.width + i));
  }

  /**
   * Notes a look-alike: as it is now when it is there already; else in a free place, in that of one last seen before
   * `fresh`, or in that of the least alike, when that one is less alike.
   */
  put(id: number, lookAlike: Doppelganger, fresh: number): void {
    const row = this.claim(id);
    const start = row * this.width;
    const count = this.counts[row]!;
    let place = this.find(row, lookAlike.id);
    if (place < 0 && count < this.width) {
      this.counts[row] = count + 1;
      place = start + count;
    }
    if (place < 0) {
      const weight = (at: number): number => (this.steps[at]! < fresh ? Number.NEGATIVE_INFINITY : this.cosines[at]!);
      place = start;
      for (let at = start + 1; at < start + count; at++) if (weight(at) < weight(place)) place = at;
      if (weight(place) >= lookAlike.cosine) return;
    }
    this.doppelgangers[place] = lookAlike.id;
    this.cosines[place] = lookAlike.cosine;
    this.steps[place] = lookAlike.step;
  }

  /** Takes one look-alike out of an identity's row. */
  drop(id: number, lookAlike: number): void {
    const row = this.rowOf.get(id);
    const place = row === undefined ? -1 : this.find(row, lookAlike);
    if (row === undefined || place < 0) return;
    const last = row * this.width + --this.counts[row]!;
    for (const column of [this.doppelgangers, this.cosines, this.steps]) column[place] = column[last]!;
  }

  /** Frees the row of an identity. */
  forget(id: number): void {
    const row = this.rowOf.get(id);
    if (row === undefined) return;
    this.rowOf.delete(id);
    this.free.push(row);
  }

  copy(): LookAlikeRows {
    const copy = new LookAlikeRows(this.size, this.width);
    copy.used = this.used;
    copy.free.push(...this.free);
    for (const [id, row] of this.rowOf) copy.rowOf.set(id, row);
    const places = this.used * this.width;
    copy.doppelgangers.set(this.doppelgangers.subarray(0, places));
    copy.cosines.set(this.cosines.subarray(0, places));
    copy.steps.set(this.steps.subarray(0, places));
    copy.counts.set(this.counts.subarray(0, this.used));
    return copy;
  }

  state(): State {
    const ids = Float64Array.from(this.rowOf.keys());
    const counts = Uint32Array.from(this.rowOf.values(), (row) => this.counts[row]!);
    const found = Array.from(this.rowOf.keys(), (id) => this.of(id)).flat();
    const column = (values: number[]) =>
      ({ dtype: 'F64', shape: [found.length], data: Float64Array.from(values) }) as const;
    return {
      values: { width: this.width },
      tensors: {
        ids: { dtype: 'F64', shape: [ids.length], data: ids },
        counts: { dtype: 'U32', shape: [ids.length], data: counts },
        // As files have it since before there was a better word.
        rivals: column(found.map(({ id }) => id)),
        cosines: column(found.map(({ cosine }) => cosine)),
        steps: column(found.map(({ step }) => step)),
      },
    };
  }

  /** Takes over a state, checked first as a whole; of more identities than fit, those written to last. */
  restore(where: string, { values, tensors }: State): void {
    const ids = takeTensor(where, tensors, 'ids', 'F64', [null]);
    const counts = takeTensor(where, tensors, 'counts', 'U32', [ids.length]);
    const total = counts.reduce((sum, count) => sum + count, 0);
    const column = (name: string): Float64Array => takeTensor(where, tensors, name, 'F64', [total]);
    const [doppelgangers, cosines, steps] = [column('rivals'), column('cosines'), column('steps')];
    const isId = (id: number): boolean => Number.isSafeInteger(id) && id >= 0;
    const fits =
      values.width === this.width &&
      new Set(ids).size === ids.length &&
      ids.every(isId) &&
      doppelgangers.every(isId) &&
      counts.every((count) => count <= this.width) &&
      cosines.every(Number.isFinite) &&
      steps.every(Number.isFinite);
    if (!fits) {
      throw new ProtomemError({
        where,
        what: 'the saved table',
        got: `${ids.length} identities, ${String(values.width)} doppelgangers at most`,
        expected: `identities with ${this.width} doppelgangers at most, all of them ids with finite numbers`,
        fix: 'Resume with the options that the run was started with.',
      });
    }
    this.rowOf.clear();
    this.free.length = 0;
    this.used = 0;
    let from = 0;
    for (const [i, id] of ids.entries()) {
      const count = counts[i]!;
      if (i >= ids.length - this.size) {
        const row = this.claim(id);
        this.doppelgangers.set(doppelgangers.subarray(from, from + count), row * this.width);
        this.cosines.set(cosines.subarray(from, from + count), row * this.width);
        this.steps.set(steps.subarray(from, from + count), row * this.width);
        this.counts[row] = count;
      }
      from += count;
    }
  }

  private at(place: number): Doppelganger {
    return { id: this.doppelgangers[place]!, cosine: this.cosines[place]!, step: this.steps[place]! };
  }

  private find(row: number, lookAlike: number): number {
    const start = row * this.width;
    for (let at = start; at < start + this.counts[row]!; at++) if (this.doppelgangers[at] === lookAlike) return at;
    return -1;
  }

  /** The row of an identity, an empty one for a new identity; it counts as written to. */
  private claim(id: number): number {
    const known = this.rowOf.get(id);
    if (known !== undefined) {
      this.rowOf.delete(id);
      this.rowOf.set(id, known);
      return known;
    }
    if (this.rowOf.size === this.size) this.forget(this.rowOf.keys().next().value!);
    const row = this.free.pop() ?? this.used++;
    this.counts[row] = 0;
    this.rowOf.set(id, row);
    return row;
  }
}
