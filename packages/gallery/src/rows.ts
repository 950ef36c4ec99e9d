import type { ApproximateIndex } from '@protomem/evaluation';

/** What a row belongs to; -1 while it has none. */
export interface RowOwner {
  row: number;
}

/** Vectors of one width, `[length, width]` without gaps, each with an owner that knows its row. */
export class Rows<T extends RowOwner> {
  readonly width: number;
  readonly owners: T[] = [];
  /** Told of every change, where there is one. */
  index: ApproximateIndex | undefined;
  #values: Float32Array;

  constructor(width: number) {
    this.width = width;
    this.#values = new Float32Array(64 * width);
  }

  get length(): number {
    return this.owners.length;
  }

  /** A view of all rows; the next change may leave it behind. */
  get values(): Float32Array {
    return this.#values.subarray(0, this.length * this.width);
  }

  /** Bytes that are allocated. */
  get byteLength(): number {
    return this.#values.byteLength;
  }

  /** A view of an owner's vector. */
  of({ row }: T): Float32Array {
    return this.#values.subarray(row * this.width, (row + 1) * this.width);
  }

  /** Gives an owner a vector, in the place of the one that it had. */
  put(owner: T, vector: Float32Array): void {
    if (owner.row < 0) {
      owner.row = this.owners.push(owner) - 1;
      if (this.length * this.width > this.#values.length) {
        const larger = new Float32Array(Math.ceil(1.5 * this.length) * this.width);
        larger.set(this.#values);
        this.#values = larger;
      }
    }
    this.#values.set(vector, owner.row * this.width);
    this.index?.set(owner.row, vector);
  }

  /** The last row takes the place of the one that goes. */
  remove(owner: T): void {
    const { row } = owner;
    const last = this.owners.pop()!;
    this.index?.remove(this.length);
    owner.row = -1;
    if (last === owner) return;
    this.owners[row] = last;
    this.#values.copyWithin(row * this.width, this.length * this.width, (this.length + 1) * this.width);
    last.row = row;
    this.index?.set(row, this.of(last));
  }
}
