import { check, integer, type State, takeTensor } from '@protomem/core';

/** What the gallery images of one identity do to the pool. */
interface Placed {
  readonly column: number;
  /** Whether the identity had its column before its last image here: then both of its slots hold something. */
  hit: boolean;
  /** The image that goes to each of the two slots; -1 for a slot that stays as it is. */
  readonly images: [number, number];
  /** The slot that is written next time. */
  next: 0 | 1;
}

/** What gallery images would do to the pool. */
export interface Plan {
  readonly placed: ReadonlyMap<number, Placed>;
  /** Identities that lose their column. */
  readonly evicted: ReadonlySet<number>;
  /** Columns in use afterwards. */
  readonly occupied: number;
}

/**
 * Which identity has which column, whose visit is longest ago, and which of its two slots is written next: a dynamic
 * class pool without its features.
 */
export class ClassPool {
  readonly size: number;
  /** Plans committed. */
  step = 0;
  /** Columns in use are the first ones. */
  occupied = 0;
  /** Columns by identity, in the order of their last visits, oldest first. */
  private readonly columnOf = new Map<number, number>();
  private readonly next: Uint8Array;
  /** Step of each column's last visit. */
  private readonly visited: Float64Array;

  constructor(size: number) {
    this.size = size;
    this.next = new Uint8Array(size);
    this.visited = new Float64Array(size);
  }

  /** The column of an identity as it is now, or as a plan would leave it; undefined when it has none. */
  find(id: number, plan?: Plan): number | undefined {
    if (plan?.evicted.has(id)) return undefined;
    return plan?.placed.get(id)?.column ?? this.columnOf.get(id);
  }

  /** The slot of a column that was written last. */
  lastSlot(column: number): 0 | 1 {
    return this.next[column] === 0 ? 1 : 0;
  }

  /** Steps since a column's last visit. */
  age(column: number): number {
    return this.step - this.visited[column]!;
  }

  /**
   * What gallery images would do, one after the other: an identity in the pool writes its slots in turns; another one
   * takes a free column, or that of the identity whose visit is longest ago, and begins with slot 0. Identities of the
   * plan do not evict each other. Changes nothing.
   *
   * @param images to be placed, by their numbers in the batch
   * @param labels of the whole batch
   */
  plan(images: readonly number[], labels: readonly number[]): Plan {
    const placed = new Map<number, Placed>();
    const evicted = new Set<number>();
    const coming = new Set(images.map((image) => labels[image]!));
    const oldest = this.columnOf.entries();
    let occupied = this.occupied;
    const vacate = (): number => {
      for (;;) {
        const [id, column] = oldest.next().value as [number, number];
        if (coming.has(id)) continue;
        evicted.add(id);
        return column;
      }
    };
    for (const image of images) {
      const id = labels[image]!;
      let place = placed.get(id);
      if (place) {
        place.hit = true;
      } else {
        const known = this.columnOf.get(id);
        const column = known ?? (occupied < this.size ? occupied++ : vacate());
        const next = known !== undefined && this.next[known] === 1 ? 1 : 0;
        place = { column, hit: known !== undefined, images: [-1, -1], next };
        placed.set(id, place);
      }
      place.images[place.next] = image;
      place.next = place.next === 0 ? 1 : 0;
    }
    return { placed, evicted, occupied };
  }

  /** Carries out a plan that was made of the present pool. */
  commit({ placed, evicted, occupied }: Plan): void {
    this.step++;
    this.occupied = occupied;
    for (const id of evicted) this.columnOf.delete(id);
    for (const [id, { column, next }] of placed) {
      // Taken out first, so that it becomes the newest.
      this.columnOf.delete(id);
      this.columnOf.set(id, column);
      this.next[column] = next;
      this.visited[column] = this.step;
    }
  }

  /** Mean steps since the columns' last visits. */
  meanAge(): number {
    let sum = 0;
    for (let column = 0; column < this.occupied; column++) sum += this.age(column);
    return this.occupied > 0 ? sum / this.occupied : 0;
  }

  state(): State {
    const n = this.occupied;
    return {
      values: { size: this.size, step: this.step },
      tensors: {
        ids: { dtype: 'F64', shape: [n], data: Float64Array.from(this.columnOf.keys()) },
        columns: { dtype: 'I32', shape: [n], data: Int32Array.from(this.columnOf.values()) },
        next: { dtype: 'U8', shape: [n], data: this.next.slice(0, n) },
        visited: { dtype: 'F64', shape: [n], data: this.visited.slice(0, n) },
      },
    };
  }

  restore(where: string, state: State): void {
    const { size, step } = state.values as Record<'size' | 'step', number>;
    check(size === this.size, () => ({ where, what: 'size of the saved pool', got: size, expected: `${this.size}` }));
    const ids = takeTensor(where, state.tensors, 'ids', 'F64', [null]);
    const n = integer(where, 'number of saved ids', ids.length, 0, this.size);
    const columns = takeTensor(where, state.tensors, 'columns', 'I32', [n]);
    const next = takeTensor(where, state.tensors, 'next', 'U8', [n]);
    const visited = takeTensor(where, state.tensors, 'visited', 'F64', [n]);
    ids.forEach((id, i) => {
      integer(where, `ids[${i}]`, id, 0);
      integer(where, `columns[${i}]`, columns[i]!, 0, n - 1);
    });
    check(new Set(ids).size === n && new Set(columns).size === n, () => ({
      where,
      what: 'ids and columns',
      got: 'not distinct',
      expected: 'each once',
    }));
    this.step = integer(where, 'step', step, 0);
    this.occupied = n;
    this.next.set(next);
    this.visited.set(visited);
    this.columnOf.clear();
    ids.forEach((id, i) => {
      this.columnOf.set(id, columns[i]!);
    });
  }
}
