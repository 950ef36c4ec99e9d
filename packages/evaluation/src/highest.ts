/** The largest of many numbers, kept in a buffer that is cut back when it is full. */
export class Highest {
  readonly #count: number;
  #kept: Float32Array;
  #used = 0;
  #least = Number.NEGATIVE_INFINITY;

  constructor(count: number) {
    this.#count = count;
    this.#kept = new Float32Array(Math.max(1024, 2 * count));
  }

  add(value: number): void {
    if (value <= this.#least) return;
    if (this.#used === this.#kept.length) {
      const sorted = this.sorted();
      this.#kept.set(sorted);
      this.#used = sorted.length;
      this.#least = sorted.at(-1)!;
      if (value <= this.#least) return;
    }
    this.#kept[this.#used++] = value;
  }

  /** The highest first, at most `count`. */
  sorted(): Float32Array {
    return this.#kept.slice(0, this.#used).sort().reverse().slice(0, this.#count);
  }
}
