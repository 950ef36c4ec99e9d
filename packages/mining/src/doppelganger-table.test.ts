import type { LookAlike } from '@protomem/core';
import { Random } from '@protomem/core';
import { describe, expect, it } from 'vitest';
import { createDoppelgangerTable, DoppelgangerSnapshot, type DoppelgangerTable } from './doppelganger-table.ts';

const idsOf = (table: DoppelgangerTable, id: number): number[] =>
  table.doppelgangersOf(id).map((lookAlike) => lookAlike.id);
const presentIn = (snapshot: DoppelgangerSnapshot): number[][] =>
  Array.from({ length: 40 }, (_, id) => snapshot.presentDoppelgangersOf(id).map((lookAlike) => lookAlike.id));

/** Steps of random look-alikes of 40 identities, and of those who leave. */
function* steps(count: number): Generator<[LookAlike[], number[]]> {
  const random = new Random(3);
  for (let step = 0; step < count; step++) {
    const lookAlikes = Array.from({ length: 6 }, () => {
      const id = random.below(40);
      return { id, lookAlike: (id + 1 + random.below(39)) % 40, cosine: random.uniform(-0.2, 0.9) };
    });
    yield [lookAlikes, [random.below(40)]];
  }
}

describe('createDoppelgangerTable', () => {
  it('notes a pair for both, as it was seen last, the most alike of a step', () => {
    const table = createDoppelgangerTable({ rows: 10, doppelgangers: 2 });
    table.observe([
      { id: 1, lookAlike: 2, cosine: 0.5 },
      { id: 2, lookAlike: 1, cosine: 0.3 },
      { id: 1, lookAlike: 3, cosine: 0.4 },
      { id: 4, lookAlike: 1, cosine: 0.1 },
    ]);
    expect(table.doppelgangersOf(1)).toEqual([
      { id: 2, cosine: 0.5, step: 1 },
      { id: 3, cosine: 0.4, step: 1 },
    ]);
    expect(table.doppelgangersOf(4)).toEqual([{ id: 1, cosine: 0.1, step: 1 }]);
    table.observe([{ id: 2, lookAlike: 1, cosine: 0.2 }]);
    expect(idsOf(table, 1)).toEqual([3, 2]);
    expect(table.doppelgangersOf(99)).toEqual([]);
    expect([table.step, table.occupied]).toEqual([2, 4]);
  });

  it('forgets those who leave the memory', () => {
    const table = createDoppelgangerTable({ rows: 10 });
    table.observe([{ id: 1, lookAlike: 2, cosine: 0.5 }], [1, 77]);
    expect(idsOf(table, 1)).toEqual([]);
    // Those still there may bring them back.
    expect(idsOf(table, 2)).toEqual([1]);
  });

  it('suspects those too alike, and they are no doppelgangers, until they are seen less alike', () => {
    const table = createDoppelgangerTable({ rows: 10, duplicateAbove: 0.6, suspects: 2 });
    table.observe([{ id: 2, lookAlike: 1, cosine: 0.5 }]);
    table.observe([{ id: 2, lookAlike: 1, cosine: 0.7 }]);
    expect(idsOf(table, 1)).toEqual([]);
    expect(table.suspects()).toEqual([{ a: 1, b: 2, cosine: 0.7, step: 2 }]);
    table.observe([{ id: 1, lookAlike: 2, cosine: 0.6 }]);
    expect(table.suspects()).toEqual([]);
    expect(idsOf(table, 1)).toEqual([2]);
    for (const lookAlike of [4, 5, 6]) table.observe([{ id: 3, lookAlike, cosine: 0.9 - lookAlike / 100 }]);
    expect(table.suspects().map(({ b }) => b)).toEqual([5, 6]);
  });

  it('suspects nobody above 1, which rounding makes of cosines', () => {
    const table = createDoppelgangerTable({ rows: 10, duplicateAbove: 1 });
    table.observe([{ id: 2, lookAlike: 1, cosine: 1.0000001 }]);
    expect(table.suspects()).toEqual([]);
    expect(idsOf(table, 1)).toEqual([2]);
  });

  it('stops counting what was not seen for long, and lets it go first', () => {
    const table = createDoppelgangerTable({ rows: 10, doppelgangers: 1, expireAfter: 2 });
    table.observe([
      { id: 1, lookAlike: 2, cosine: 0.6 },
      { id: 8, lookAlike: 9, cosine: 0.9 },
    ]);
    table.observe([]);
    table.observe([{ id: 1, lookAlike: 3, cosine: 0.1 }]);
    expect(idsOf(table, 1)).toEqual([2]);
    table.observe([{ id: 1, lookAlike: 3, cosine: 0.1 }]);
    expect(idsOf(table, 1)).toEqual([3]);
    expect(idsOf(table, 2)).toEqual([]);
    expect(table.suspects()).toEqual([]);
  });

  it('goes on from its state bit for bit, and a snapshot stays what it was', () => {
    const make = () => createDoppelgangerTable({ rows: 12, doppelgangers: 3, expireAfter: 15, suspects: 5 });
    const [whole, first] = [make(), make()];
    let second: DoppelgangerTable | undefined;
    let snapshot: DoppelgangerSnapshot | undefined;
    let then: number[][] = [];
    for (const [i, [lookAlikes, gone]] of [...steps(60)].entries()) {
      whole.observe(lookAlikes, gone);
      (second ?? first).observe(lookAlikes, gone);
      if (i !== 30) continue;
      second = make();
      second.restore(first.state());
      snapshot = first.snapshot();
      then = presentIn(snapshot);
      for (const [id, present] of then.entries()) expect(idsOf(first, id)).toEqual(expect.arrayContaining(present));
      for (const present of then.flat()) expect(snapshot.ids).toContain(present);
    }
    expect(second!.state()).toEqual(whole.state());
    expect(presentIn(snapshot!)).toEqual(then);
    const { values, tensors } = snapshot!.state();
    const again = DoppelgangerSnapshot.restore('here', 12, 3, { values: JSON.parse(JSON.stringify(values)), tensors });
    expect(presentIn(again)).toEqual(then);
    expect(again.ids).toEqual(snapshot!.ids);
    expect(then.flat().length).toBeGreaterThan(10);
  });

  it('holds no more than its rows, however many identities pass', () => {
    const table = createDoppelgangerTable({ rows: 100, doppelgangers: 2, suspects: 10 });
    for (let step = 0; step < 2000; step++) {
      table.observe([{ id: 3 * step, lookAlike: 3 * step + 1, cosine: step % 2 ? 0.3 : 0.9 }]);
    }
    expect(table.occupied).toBe(100);
    expect(table.suspects()).toHaveLength(10);
    const numbers = Object.values(table.state().tensors).reduce((sum, { data }) => sum + data.length, 0);
    expect(numbers).toBeLessThanOrEqual(2 * 100 + 3 * 200 + 4 * 10);
  });

  it('refuses what is none, and changes nothing', () => {
    const table = createDoppelgangerTable({ rows: 10 });
    table.observe([{ id: 1, lookAlike: 2, cosine: 0.5 }]);
    const before = table.state();
    const good = { id: 3, lookAlike: 4, cosine: 0.1 };
    for (const bad of [{ id: 1, lookAlike: 1 }, { id: -1 }, { lookAlike: 0.5 }, { cosine: Number.NaN }]) {
      expect(() => table.observe([good, { ...good, ...bad }])).toThrow(
        /^DoppelgangerTable\.observe: .* of look-alike 1/,
      );
      expect(table.state()).toEqual(before);
    }
    const { suspects: _, ...values } = before.values;
    expect(() => table.restore({ values, tensors: {} })).toThrow('DoppelgangerTable.restore');
    expect(() => createDoppelgangerTable({ rows: 10, doppelgangers: 3 }).restore(before)).toThrow(
      '3 doppelgangers at most',
    );
    expect(table.state()).toEqual(before);
    for (const bad of [
      { rows: 0 },
      { doppelgangers: 0 },
      { expireAfter: -1 },
      { duplicateAbove: 2 },
      { suspects: -1 },
    ]) {
      expect(() => createDoppelgangerTable({ rows: 10, ...bad })).toThrow(
        `createDoppelgangerTable: ${Object.keys(bad)[0]}`,
      );
    }
  });
});
