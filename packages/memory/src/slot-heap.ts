/** Slots by priority: the lowest comes first, and among equals the lowest slot. Every change costs O(log size). */
export class SlotHeap {
  private readonly priority: Float64Array;
  private readonly heap: Int32Array;
  /** Where each slot stands in the heap; -1 when it is not in it. */
  private readonly place: Int32Array;
  private length = 0;

  constructor(size: number) {
    this.priority = new Float64Array(size);
    this.heap = new Int32Array(size);
    this.place = new Int32Array(size).fill(-1);
  }

  /** Adds a slot that is not there. */
  push(slot: number, priority: number): void {
    this.priority[slot] = priority;
    this.rise(this.length++, slot);
  }

  /** Takes out a slot that is there. */
  remove(slot: number): void {
    const place = this.place[slot]!;
    const last = this.heap[--this.length]!;
    this.place[slot] = -1;
    if (last === slot) return;
    this.sink(this.rise(place, last), last);
  }

  /** Takes out and returns the first slot. */
  pop(): number {
    const first = this.heap[0]!;
    this.remove(first);
    return first;
  }

  clear(): void {
    this.length = 0;
    this.place.fill(-1);
  }

  /** Puts a slot at a free place or above it, and returns where it then stands. */
  private rise(from: number, slot: number): number {
    let place = from;
    while (place > 0) {
      const parent = this.heap[(place - 1) >> 1]!;
      if (!this.isBefore(slot, parent)) break;
      this.put(place, parent);
      place = (place - 1) >> 1;
    }
    this.put(place, slot);
    return place;
  }

  /** Puts a slot at its place or below it. */
  private sink(from: number, slot: number): void {
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.length) break;
      if (child + 1 < this.length && this.isBefore(this.heap[child + 1]!, this.heap[child]!)) child++;
      const first = this.heap[child]!;
      if (!this.isBefore(first, slot)) break;
      this.put(place, first);
      place = child;
    }
    this.put(place, slot);
  }

  private isBefore(a: number, b: number): boolean {
    const [own, other] = [this.priority[a]!, this.priority[b]!];
    return own < other || (own === other && a < b);
  }

  private put(place: number, slot: number): void {
    this.heap[place] = slot;
    this.place[slot] = place;
  }
}
