import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { kernelEngines, useKernelEngine } from '../../fixtures/kernel-engines.ts';
import { checkGradients, normal } from '../../fixtures/naive.ts';
import { expectClose, leaked } from '../testing.ts';
import { groupSums, type RefreshShare, refreshRows, rowDots, splitRows, unitRows } from './rows.ts';

describe.each(await kernelEngines())('rows on %s', (engine) => {
  beforeAll(() => useKernelEngine(engine));

  const matrix = (rows: number, width: number, seed = 1): tf.Tensor2D => normal([rows, width], seed) as tf.Tensor2D;
  const rowsOf = (x: tf.Tensor2D): number[][] => x.arraySync();

  it.each([
    [2, 3],
    [7, 16],
    [300, 129],
  ])('are split in direction and length, %i of %i', (rows, width) => {
    tf.tidy(() => {
      const x = matrix(rows, width);
      const { unit, norms } = splitRows(x);
      const lengths = rowsOf(x).map((row) => Math.hypot(...row));
      expectClose(norms, lengths, 1e-6);
      const expected = rowsOf(x).flatMap((row, i) => row.map((value) => value / lengths[i]!));
      expectClose(unit, expected, 1e-6);
      expectClose(unitRows(x), expected, 1e-6);
    });
  });

  it('that are short are divided by 1e-6: zero stays zero, with a finite gradient', () => {
    tf.tidy(() => {
      const x = tf.tensor2d([0, 0, 0, 3e-8, 0, 4e-8], [2, 3]);
      const { unit, norms } = splitRows(x);
      expectClose(unit, [0, 0, 0, 0.03, 0, 0.04], 1e-6);
      expectClose(tf.mul(norms, 1e9), [0, 2.5], 1e-6);
      const [dUnit, dNorms] = [tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]), tf.tensor1d([7, 8])];
      const f = (y: tf.Tensor): tf.Tensor => {
        const split = splitRows(y as tf.Tensor2D);
        return tf.add(tf.sum(tf.mul(split.unit, dUnit)), tf.sum(tf.mul(split.norms, dNorms)));
      };
      // dUnit / 1e-6 + 2 x dNorm / 1e-6
      expectClose(tf.mul(tf.grad(f)(x), 1e-6), [1, 2, 3, 4 + 4.8e-7, 5, 6 + 6.4e-7], 1e-6);
    });
  });

  it('have the gradients that finite differences see', () => {
    tf.tidy(() => {
      checkGradients((x) => splitRows(x as tf.Tensor2D).unit, [matrix(3, 4)]);
      checkGradients((x) => splitRows(x as tf.Tensor2D).norms, [matrix(3, 17)]);
      const both = (x: tf.Tensor): tf.Tensor => {
        const { unit, norms } = splitRows(x as tf.Tensor2D);
        return tf.mul(unit, tf.expandDims(norms, 1));
      };
      checkGradients(both, [matrix(2, 5)]);
      checkGradients((a, b) => rowDots(a as tf.Tensor2D, b as tf.Tensor2D), [matrix(3, 18), matrix(3, 18, 2)]);
    });
  });

  it('have scalar products', () => {
    tf.tidy(() => {
      const [a, b] = [matrix(5, 37), matrix(5, 37, 2)];
      const expected = rowsOf(a).map((row, i) => row.reduce((sum, value, j) => sum + value * rowsOf(b)[i]![j]!, 0));
      expectClose(rowDots(a, b), expected, 1e-5);
    });
  });

  it('are summed by groups', () => {
    tf.tidy(() => {
      const [x, groupOf] = [matrix(9, 19), [3, 0, 3, 1, 0, 3, 1, 1, 0]];
      const expected = [0, 1, 2, 3].flatMap((group) =>
        rowsOf(x)
          .filter((_, row) => groupOf[row] === group)
          .reduce((sum, row) => sum.map((value, i) => value + row[i]!), Array<number>(19).fill(0)),
      );
      expectClose(groupSums(x, groupOf, 4), expected, 1e-6);
      checkGradients((y) => groupSums(y as tf.Tensor2D, [1, 0, 1], 2), [matrix(3, 4)]);
      expect(() => groupSums(x, groupOf, 3)).toThrow(/groupOf .* expected 9 integers in \[0, 3\)/s);
      expect(() => groupSums(x, [0], 3)).toThrow(/groupOf/);
    });
  });

  it.each([
    [5, 3],
    [4, 37],
  ])('are refreshed by shares and by similarity, %i of %i', (rows, width) => {
    tf.tidy(() => {
      const made = matrix(rows, width);
      const signs = tf.tensor2d(rowsOf(made).map((_, i) => [(-1) ** i]));
      const stored = unitRows(tf.add(tf.mul(made, signs), matrix(rows, width, 2)));
      const shares: RefreshShare[] = [0.3, 0, 1, 'by-similarity', 'by-similarity'].slice(-rows) as RefreshShare[];
      const unit = (row: number[]): number[] => row.map((value) => value / Math.hypot(...row));
      const fresh = rowsOf(made).map(unit);
      const cosines = rowsOf(stored).map((row, i) => row.reduce((sum, value, j) => sum + value * fresh[i]![j]!, 0));
      // One to which the stored row is alike, one to which it is not: the latter goes.
      expect(Math.sign(cosines.at(-1)! * cosines.at(-2)!)).toBe(-1);
      const expected = rowsOf(stored).flatMap((row, i) => {
        const [given, c] = [shares[i]!, cosines[i]!];
        const share = given === 'by-similarity' ? 1 - Math.max(0, c / (1 + Math.abs(c))) : given;
        return unit(row.map((value, j) => (1 - share) * value + share * fresh[i]![j]!));
      });
      const found = refreshRows(made, stored, shares);
      expectClose(found.generated, fresh.flat(), 1e-6);
      expectClose(found.refreshed, expected, 1e-6);
      expectClose(found.cosines, cosines, 1e-6);
      expect(() => refreshRows(made, stored, shares.slice(1))).toThrow(/a share for each row/);
    });
  });

  it('have the gradients of refreshed rows that finite differences see', () => {
    tf.tidy(() => {
      const stored = unitRows(matrix(3, 5, 2));
      for (const key of ['generated', 'refreshed', 'cosines'] as const) {
        checkGradients(
          (x, old) => refreshRows(x as tf.Tensor2D, old as tf.Tensor2D, [0.3, 1, 'by-similarity'])[key],
          [matrix(3, 5), stored],
        );
      }
    });
  });

  it('leave no tensor behind', () => {
    const x = matrix(3, 4);
    expect(leaked(() => unitRows(x).dispose())).toBe(0);
    expect(leaked(() => tf.dispose(Object.values(splitRows(x))))).toBe(0);
    expect(leaked(() => rowDots(x, x).dispose())).toBe(0);
    expect(leaked(() => groupSums(x, [0, 0, 1], 2).dispose())).toBe(0);
    expect(leaked(() => tf.dispose(Object.values(refreshRows(x, x, [0, 0.5, 1]))))).toBe(0);
    const refreshing = tf.grad((y) => refreshRows(y as tf.Tensor2D, x, [0, 0.5, 1]).refreshed);
    expect(leaked(() => refreshing(x).dispose())).toBe(0);
    const gradient = tf.grad((y) => unitRows(y as tf.Tensor2D));
    expect(leaked(() => gradient(x).dispose())).toBe(0);
    x.dispose();
  });
});
