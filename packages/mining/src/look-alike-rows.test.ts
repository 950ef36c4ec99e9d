import type { State } from '@protomem/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Doppelganger, LookAlikeRows } from './look-alike-rows.ts';

/** The same in the plainest way: lists in order of the last write. */
class NaiveRows {
  readonly rows: { readonly id: number; doppelgangers: Doppelganger[] }[] = [];
  readonly size: number;
  readonly width: number;
  constructor(size: number, width: number) {
    this.size = size;
    this.width = width;
  }
  of(id: number): Doppelganger[] {
    return this.rows.find((row) => row.id === id)?.doppelgangers ?? [];
  }
  put(id: number, lookAlike: Doppelganger, fresh: number): void {
    const row = this.rows.find((other) => other.id === id) ?? { id, doppelgangers: [] };
    this.forget(id);
    if (this.rows.length === this.size) this.rows.shift();
    this.rows.push(row);
    const others = row.doppelgangers.filter((other) => other.id !== lookAlike.id);
    if (others.length < this.width) {
      row.doppelgangers = [...others, lookAlike];
      return;
    }
    const weight = (x: Doppelganger): number => (x.step < fresh ? Number.NEGATIVE_INFINITY : x.cosine);
    const least = Math.min(...others.map(weight));
    if (least < lookAlike.cosine) {
      const out = others.findIndex((other) => weight(other) === least);
      row.doppelgangers = others.map((other, i) => (i === out ? lookAlike : other));
    }
  }
  drop(id: number, lookAlike: number): void {
    const row = this.rows.find((other) => other.id === id);
    if (row) row.doppelgangers = row.doppelgangers.filter((other) => other.id !== lookAlike);
  }
  forget(id: number): void {
    const at = this.rows.findIndex((row) => row.id === id);
    if (at >= 0) this.rows.splice(at, 1);
  }
}

const id = fc.nat(9);
/** Cosines differ from step to step, so that which of two equals goes does not matter. */
const command = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('put' as const), id, lookAlike: id, cosine: fc.nat(50) }) },
  fc.record({ kind: fc.constant('drop' as const), id, lookAlike: id, cosine: fc.constant(0) }),
  fc.record({ kind: fc.constant('forget' as const), id, lookAlike: id, cosine: fc.constant(0) }),
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

function play(rows: LookAlikeRows | NaiveRows, commands: readonly Command[], from = 0): void {
  for (const [i, { kind, id, lookAlike, cosine }] of commands.entries()) {
    const step = from + i;
    if (kind === 'put') rows.put(id, { id: lookAlike, cosine: cosine + step / 1000, step }, step - 12);
    else if (kind === 'drop') rows.drop(id, lookAlike);
    else rows.forget(id);
  }
}
const sorted = (doppelgangers: readonly Doppelganger[]): Doppelganger[] =>
  doppelgangers.toSorted((a, b) => a.id - b.id);
const everything = (rows: LookAlikeRows | NaiveRows): Doppelganger[][] =>
  Array.from({ length: 10 }, (_, i) => sorted(rows.of(i)));
const throughJson = (state: State): State => ({ ...state, values: JSON.parse(JSON.stringify(state.values)) });

describe('LookAlikeRows', () => {
  const sizes = [fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 3 })] as const;
  const commands = fc.array(command, { maxLength: 80 });

  it('does what lists would', () => {
    fc.assert(
      fc.property(...sizes, commands, (size, width, list) => {
        const [rows, naive] = [new LookAlikeRows(size, width), new NaiveRows(size, width)];
        play(rows, list);
        play(naive, list);
        expect(everything(rows)).toEqual(everything(naive));
        expect(rows.occupied).toBe(naive.rows.length);
      }),
      { seed: 1, numRuns: 400 },
    );
  });

  it('goes on from a state, and a copy goes its own way', () => {
    fc.assert(
      fc.property(...sizes, commands, commands, (size, width, before, after) => {
        const rows = new LookAlikeRows(size, width);
        play(rows, before);
        const then = everything(rows);
        const copy = rows.copy();
        const again = new LookAlikeRows(size, width);
        again.restore('here', throughJson(rows.state()));
        play(rows, after, before.length);
        play(again, after, before.length);
        expect(everything(again)).toEqual(everything(rows));
        expect(again.state()).toEqual(rows.state());
        expect(everything(copy)).toEqual(then);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('keeps those written to last in a smaller one, and all in a larger one', () => {
    const rows = new LookAlikeRows(5, 2);
    for (const id of [1, 2, 3, 4, 1]) rows.put(id, { id: 9, cosine: 0.1 * id, step: id }, 0);
    const small = new LookAlikeRows(2, 2);
    small.restore('here', rows.state());
    expect(everything(small).map((doppelgangers) => doppelgangers.length)).toEqual([0, 1, 0, 0, 1, 0, 0, 0, 0, 0]);
    const large = new LookAlikeRows(50, 2);
    large.restore('here', rows.state());
    expect(large.state()).toEqual(rows.state());
  });

  it('refuses what is damaged or of another width, and changes nothing', () => {
    const rows = new LookAlikeRows(5, 2);
    rows.put(1, { id: 9, cosine: 0.5, step: 3 }, 0);
    rows.put(2, { id: 9, cosine: 0.5, step: 3 }, 0);
    const good = rows.state();
    const f64 = (...data: number[]) => ({ dtype: 'F64', shape: [data.length], data: Float64Array.from(data) }) as const;
    const bad: State[] = [
      { values: { width: 3 }, tensors: good.tensors },
      { values: good.values, tensors: { ...good.tensors, ids: f64(1, 1) } },
      { values: good.values, tensors: { ...good.tensors, ids: f64(1, 0.5) } },
      { values: good.values, tensors: { ...good.tensors, cosines: f64(1, Number.NaN) } },
      { values: good.values, tensors: { ...good.tensors, rivals: f64(1) } },
      { values: good.values, tensors: {} },
    ];
    for (const state of bad) {
      expect(() => rows.restore('here', state)).toThrow(/^here: /);
      expect(rows.state()).toEqual(good);
    }
  });
});
