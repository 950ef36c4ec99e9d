import { enginesAtHand, expectClose, ranksInTurn, useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  noSums,
  numberOf,
  ownCount,
  ownOf,
  rowsOfRanks,
  type SoftmaxSums,
  sumsOfRanks,
  wholeOfRanks,
} from './shards.ts';

describe('columns dealt to ranks', () => {
  it.each([1, 2, 3, 5])('are each of one of %i, and as many on all', (size) => {
    for (const count of [0, 1, 4, 13]) {
      const numbers = Array.from({ length: count }, (_, i) => i);
      const owns = Array.from({ length: size }, (_, rank) => ownOf(numbers, { rank, size }));
      owns.forEach(({ places, rows }, rank) => {
        expect(rows).toEqual(rows.map((_, row) => row));
        expect(rows).toHaveLength(ownCount(count, { rank, size }));
        expect(places).toEqual(rows.map((row) => numberOf(row, { rank, size })));
      });
      expect(owns.flatMap(({ places }) => places).sort((a, b) => a - b)).toEqual(numbers);
      const lengths = owns.map(({ rows }) => rows.length);
      expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1);
      expect(lengths[0]).toBe(Math.max(...lengths));
    }
  });
});

describe.each(await enginesAtHand())('what ranks have together on %s', (engine) => {
  beforeAll(() => useEngine(engine));

  /** Seven rows, -0 among their values. */
  const rows = Array.from({ length: 7 }, (_, i) => [i, -0, 1 / (i + 1)]);
  const here = (rank: number, size: number): tf.Tensor2D => {
    const own = rows.filter((_, i) => i % size === rank);
    return tf.tensor2d([...own, ...Array.from({ length: Math.ceil(7 / size) - own.length }, () => [9, 9, 9])]);
  };

  it.each([1, 2, 4])('is found by its numbers, and put together, bit for bit: %i', (size) => {
    const numbers = [6, 0, 3, 3, 5];
    const found = ranksInTurn(size, (c) =>
      tf.tidy(() => {
        const own = here(c.rank, size);
        const read = (at: tf.Tensor1D): tf.Tensor2D => tf.gather(own, at);
        return {
          some: rowsOfRanks(tf.tensor1d(numbers, 'int32'), c, read).arraySync(),
          whole: wholeOfRanks(7, 3, c, (from, n) => tf.slice(own, [from, 0], [n, 3])),
        };
      }),
    );
    for (const [rank, { some, whole }] of found.entries()) {
      // Of toEqual, 0 is no -0.
      expect(some).toEqual(numbers.map((n) => rows[n]!.map(Math.fround)));
      expect(whole && [...whole]).toEqual(rank === 0 ? rows.flat().map(Math.fround) : undefined);
    }
  });

  it.each([2, 3])('is the softmax over all columns: %i', (size) => {
    const logits = [
      [1, -200, 3, 0.5, 2.5],
      [90, 91, -3, 89.5, 0],
    ];
    /** Over these columns, with the sum's gradient to a factor of the logits as a stand-in for any. */
    const sumsOver = (columns: readonly number[]): SoftmaxSums | undefined => {
      if (columns.length === 0) return undefined;
      const own = tf.tensor2d(logits.map((row) => columns.map((column) => row[column]!)));
      const top: tf.Tensor2D = tf.max(own, 1, true);
      const exps = tf.exp(tf.sub(own, top));
      return { top, sum: tf.sum(exps, 1, true), gradients: [tf.sum(tf.mul(exps, own), 1)] };
    };
    const found = ranksInTurn(size, (c) =>
      tf.tidy(() => {
        // The last rank has none.
        const own = sumsOver([0, 1, 2, 3, 4].filter((column) => column % (size - 1) === c.rank));
        const { top, sum, gradients } = sumsOfRanks(own ?? noSums(2, [[2]]), c);
        return [tf.add(top, tf.log(sum)), tf.div(gradients[0]!, tf.squeeze(sum))].map((x) => [...x.dataSync()]);
      }),
    );
    const sum = logits.map((row) => row.reduce((all, x) => all + Math.exp(x - row[0]!), 0));
    const expected = logits.map((row, i) => row.reduce((all, x) => all + (Math.exp(x - row[0]!) / sum[i]!) * x, 0));
    for (const [value, gradient] of found) {
      expectClose(
        value!,
        logits.map((row, i) => row[0]! + Math.log(sum[i]!)),
        1e-6,
      );
      expectClose(gradient!, expected, 1e-5);
      expect([value, gradient]).toEqual(found[0]);
    }
  });
});
