import type { EdgeSink } from './outline.ts';

/**
 * How much of each pixel polygons cover: exact areas, collected as differences along rows (as Raph Levien's font-rs does)
 * and summed up when a row is read.
 */
export class Coverage implements EdgeSink {
  /** Of the row that was read last, by column. */
  readonly row: Float32Array;
  private readonly width: number;
  private readonly height: number;
  private readonly stride: number;
  private readonly cells: Float32Array;
  /** Columns of each row that edges touch: the first, and the one after the last. */
  private readonly first: Int32Array;
  private readonly end: Int32Array;
  /** Rows that edges touch. */
  private top: number;
  private bottom = 0;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.stride = width + 2;
    this.cells = new Float32Array(this.stride * height + 2);
    this.row = new Float32Array(width);
    this.first = new Int32Array(height).fill(width);
    this.end = new Int32Array(height);
    this.top = height;
  }

  edge(x0: number, y0: number, x1: number, y1: number): void {
    if (y0 === y1) return;
    const direction = y0 < y1 ? 1 : -1;
    const upper = Math.min(y0, y1);
    const lower = Math.max(y0, y1);
    const { height } = this;
    if (lower <= 0 || upper >= height) return;
    const slope = (x1 - x0) / (y1 - y0);
    const top = Math.max(upper, 0);
    const bottom = Math.min(lower, height);
    let x = (y0 < y1 ? x0 : x1) + (top - upper) * slope;
    let from = top;
    const row = Math.floor(top);
    if (row < this.top) this.top = row;
    if (bottom > this.bottom) this.bottom = Math.ceil(bottom);
    for (let y = row; y < bottom; y++) {
      const to = Math.min(bottom, y + 1);
      const after = x + slope * (to - from);
      if (x < after) this.span(y, x, after, direction * (to - from));
      else this.span(y, after, x, direction * (to - from));
      x = after;
      from = to;
    }
  }

  /** An edge within one row, from `a` to `b`; all of it to the right of these is covered by `share`. */
  private span(y: number, a: number, b: number, share: number): void {
    const { width, cells } = this;
    const row = y * this.stride;
    if (a >= width) {
      this.end[y] = width;
      return;
    }
    if (b <= 0) {
      this.first[y] = 0;
      if (this.end[y]! < 1) this.end[y] = 1;
      cells[row]! += share;
      return;
    }
    let left = a;
    let right = b;
    let d = share;
    if (left < 0 || right > width) {
      const whole = d / (b - a);
      if (left < 0) {
        cells[row]! += whole * -left;
        left = 0;
      }
      if (right > width) right = width;
      d = whole * (right - left);
    }
    const first = Math.floor(left);
    const end = Math.ceil(right);
    const at = row + first;
    if (first < this.first[y]!) this.first[y] = first;
    // What is beyond the last pixel that an edge crosses is covered by what remains of rounding alone.
    const after = end > first ? end : end + 1;
    if (after > this.end[y]!) this.end[y] = Math.min(after, width);
    if (end <= first + 1) {
      const beyond = 0.5 * (left + right) - first;
      cells[at]! += d * (1 - beyond);
      cells[at + 1]! += d * beyond;
      return;
    }
    const each = d / (right - left);
    const begin = 1 - (left - first);
    const rest = right - end + 1;
    const area = 0.5 * each * begin * begin;
    cells[at]! += area;
    const tail = 0.5 * each * rest * rest;
    const last = row + end;
    if (end === first + 2) cells[at + 1]! += d - area - tail;
    else {
      const second = each * (begin + 0.5);
      cells[at + 1]! += second - area;
      for (let i = at + 2; i < last - 1; i++) cells[i]! += each;
      cells[last - 1]! += d - second - (end - first - 3) * each - tail;
    }
    cells[last]! += tail;
  }

  /**
   * Hands over each row that is covered, as `row` from column `from` to before `end`, and is empty then.
   *
   * @param evenOdd what is covered twice is not covered.
   */
  each(evenOdd: boolean, use: (y: number, from: number, end: number) => void): void {
    const { cells, row } = this;
    for (let y = this.top; y < this.bottom; y++) {
      const from = this.first[y]!;
      const end = this.end[y]!;
      this.first[y] = this.width;
      this.end[y] = 0;
      if (from >= end) continue;
      const start = y * this.stride;
      let sum = 0;
      for (let x = from; x < end; x++) {
        sum += cells[start + x]!;
        cells[start + x] = 0;
        let covered = sum < 0 ? -sum : sum;
        if (evenOdd && covered > 1) covered = Math.max(0, 2 - covered);
        row[x] = covered < 0.002 ? 0 : Math.min(covered, 1);
      }
      cells[start + end] = 0;
      cells[start + end + 1] = 0;
      use(y, from, end);
    }
    this.top = this.height;
    this.bottom = 0;
  }
}
