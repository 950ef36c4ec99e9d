import { Numbers } from '../packed-builder.ts';
import type { RecordHead } from './record.ts';

/** What the heads of a file's records say, in the order of their keys. */
export interface Records {
  readonly keys: Float64Array;
  readonly offsets: Float64Array;
  readonly lengths: Float64Array;
  /** Of an image, who is on it; of a range, its first key. */
  readonly labels: Float64Array;
  /** Of a range, the key behind its last; else NaN. */
  readonly ends: Float64Array;
  /** A pair of keys without an image: of an identity, or of the whole file. */
  isRange(i: number): boolean;
}

/** Collects records as they come. */
export class RecordList {
  private readonly columns = Array.from({ length: 5 }, () => new Numbers((size) => new Float64Array(size)));

  push(key: number, { offset, length, labels: [label, end], count, imageBytes }: RecordHead): void {
    const row = [key, offset, length, label, count === 2 && imageBytes === 0 ? end : Number.NEGATIVE_INFINITY];
    for (const [i, column] of this.columns.entries()) column.push(row[i]!);
  }

  /** In the order of the keys. */
  build(): Records {
    const found = this.columns.map((column) => column.array());
    const keys = found[0]!;
    let ascending = true;
    for (let i = 1; i < keys.length; i++) if (keys[i - 1]! > keys[i]!) ascending = false;
    const order = ascending ? undefined : Uint32Array.from(keys, (_, i) => i).sort((a, b) => keys[a]! - keys[b]!);
    const [ordered, offsets, lengths, labels, ends] = order
      ? found.map((column) => Float64Array.from(order, (i) => column[i]!))
      : found;
    return {
      keys: ordered!,
      offsets: offsets!,
      lengths: lengths!,
      labels: labels!,
      ends: ends!,
      isRange: (i) => ends![i] !== Number.NEGATIVE_INFINITY,
    };
  }
}
