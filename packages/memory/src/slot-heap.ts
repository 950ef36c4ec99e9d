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
    this.put(this.length++, slot);
    this.rise(this.length - 1);
  }

  /** Takes out a slot that is there. */
  remove(slot: number): void {
    const place = this.place[slot]!;
    const last = this.heap[--this.length]!;
    this.place[slot] = -1;
    if (last === slot) return;
    this.put(place, last);
    this.rise(place);
    this.sink(this.place[last]!);
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

  private rise(from: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.isBefore(place, parent)) return;
      this.swap(place, parent);
      place = parent;
    }
  }

  private sink(from: number): void {
    let place = from;
    for (;;) {
      let first = place;
      for (const child of [2 * place + 1, 2 * place + 2]) {
        if (child < this.length && this.isBefore(child, first)) first = child;
      }
      if (first === place) return;
      this.swap(place, first);
      place = first;
    }
  }

  private isBefore(a: number, b: number): boolean {
    const [slotA, slotB] = [this.heap[a]!, this.heap[b]!];
    const difference = this.priority[slotA]! - this.priority[slotB]!;
    return difference < 0 || (difference === 0 && slotA < slotB);
  }

  private swap(a: number, b: number): void {
    const slot = this.heap[a]!;
    this.put(a, this.heap[b]!);
    this.put(b, slot);
  }

  private put(place: number, slot: number): void {
    this.heap[place] = slot;
    this.place[slot] = place;
  }
}
