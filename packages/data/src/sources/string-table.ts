import { shared } from './shared.ts';

/** Strings as one block of UTF-8 in shared memory: a million file names cost their bytes, and worker threads share them. */
export interface StringTable {
  /** Text of string i is bytes ends[i - 1] (or 0) ... ends[i]. */
  readonly bytes: Uint8Array;
  readonly ends: Float64Array;
}

/** Collects strings into a {@link StringTable}. */
export class StringTableBuilder {
  private bytes = new Uint8Array(1024);
  private used = 0;
  private readonly ends: number[] = [];
  private readonly encoder = new TextEncoder();

  get length(): number {
    return this.ends.length;
  }

  push(text: string): void {
    // A UTF-16 unit takes at most three bytes of UTF-8.
    const needed = this.used + 3 * text.length;
    if (needed > this.bytes.length) {
      const larger = new Uint8Array(2 * needed);
      larger.set(this.bytes.subarray(0, this.used));
      this.bytes = larger;
    }
    this.used += this.encoder.encodeInto(text, this.bytes.subarray(this.used)).written;
    this.ends.push(this.used);
  }

  build(): StringTable {
    const bytes = new Uint8Array(new SharedArrayBuffer(this.used));
    bytes.set(this.bytes.subarray(0, this.used));
    return { bytes, ends: shared(this.ends) };
  }
}

/** A table of these strings. */
export function tableOf(texts: Iterable<string>): StringTable {
  const builder = new StringTableBuilder();
  for (const text of texts) builder.push(text);
  return builder.build();
}

/** String `index` of a table. */
export function stringAt(table: StringTable, index: number): string {
  // TextDecoder refuses shared memory, hence the copy of these few bytes.
  return Buffer.from(table.bytes.subarray(index === 0 ? 0 : table.ends[index - 1]!, table.ends[index]!)).toString(
    'utf8',
  );
}
