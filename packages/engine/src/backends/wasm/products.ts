import * as tf from '@tensorflow/tfjs';
import type { Overrides } from '../../kernels/registry.ts';
import type { Kernel } from '../../kernels/training-kernels.ts';
import { wholeBatches } from '../host/whole-batches.ts';
import { COLUMNS, type Loops, loopsOf, ROWS, shares } from './loops.ts';

/** Numbers `down` bytes apart from one row to the next, `right` bytes from one column to the next. */
export interface Strided {
  readonly at: number;
  readonly down: number;
  readonly right: number;
}

/**
 * Second operands as `product` and `convolve` of assembly/ take them, in panels of 8 columns: matrices of the same shape, one
 * below the other.
 */
export function packedPanels(
  loops: Loops,
  matrices: readonly Strided[],
  [rows, columns]: readonly [number, number],
): tf.Tensor {
  const inner = matrices.length * rows;
  const panels = Math.ceil(columns / COLUMNS);
  const packed = loops.uninitialized([panels, inner, COLUMNS]);
  const jobs = shares(loops, panels, { cost: inner * COLUMNS * 4 });
  const calls = matrices.flatMap(({ at, down, right }, i) =>
    jobs.map((job) => [at, loops.at(packed) + i * rows * 4 * COLUMNS, rows, columns, down, right, inner, ...job]),
  );
  loops.run('pack', calls);
  return packed;
}

/**
 * Products of matrices, transposed or not, and of batches of them. tfjs's kernel is slower, and a naive loop but for one
 * product of matrices as they are.
 *
 * @param tfjs for what is not float32, or does not fit: it says so
 */
export function batchMatMul(tfjs: Kernel<tf.NamedTensorMap, tf.Tensor>): Overrides[string] {
  return wholeBatches(({ a, b }, attrs, backend) => {
    const [left, right] = [operand(a!, attrs.transposeA as boolean), operand(b!, attrs.transposeB as boolean)];
    const batch = Math.max(left.batch, right.batch);
    const outer = tf.broadcast_util.assertAndGetBroadcastShape(a!.shape.slice(0, -2), b!.shape.slice(0, -2));
    const fits = left.columns === right.rows && a!.dtype === 'float32' && b!.dtype === 'float32';
    if (!fits) return tfjs({ a: a!, b: b! }, attrs, backend);
    if (a!.size === 0 || b!.size === 0) return tf.zeros([...outer, left.rows, right.columns]);
    const loops = loopsOf(backend);
    return tf.tidy(() => {
      const c = loops.uninitialized([...outer, left.rows, right.columns]);
      // One after the other are the rows of one product where all have the same second operand.
      const joined = right.batch === 1 && !attrs.transposeA;
      const rows = joined ? left.rows * left.batch : left.rows;
      for (let i = 0; i < (joined ? 1 : batch); i++) {
        tf.tidy(() => {
          const to = loops.at(c) + 4 * i * rows * right.columns;
          product(loops, nth(loops, a!, left, i), nth(loops, b!, right, i), to, [rows, left.columns, right.columns]);
        });
      }
      return c;
    });
  });
}

/** A batch of matrices as they are read: turned where that is asked for. */
interface Operand {
  readonly batch: number;
  readonly rows: number;
  readonly columns: number;
  readonly down: number;
  readonly right: number;
}

function operand({ shape, size }: tf.Tensor, transposed: boolean): Operand {
  const [high, wide] = shape.slice(-2) as [number, number];
  const batch = high * wide === 0 ? 1 : size / (high * wide);
  return transposed
    ? { batch, rows: wide, columns: high, down: 4, right: 4 * wide }
    : { batch, rows: high, columns: wide, down: 4 * wide, right: 4 };
}

const nth = (loops: Loops, tensor: tf.Tensor, { batch, rows, columns, down, right }: Operand, i: number): Strided => ({
  at: loops.at(tensor) + (batch === 1 ? 0 : 4 * i * rows * columns),
  down,
  right,
});

function product(
  loops: Loops,
  a: Strided,
  b: Strided,
  to: number,
  [rows, inner, columns]: readonly [number, number, number],
): void {
  const packed = loops.at(packedPanels(loops, [b], [inner, columns]));
  const panels = Math.ceil(columns / COLUMNS);
  const jobs =
    rows >= columns
      ? shares(loops, rows, { multiple: ROWS, cost: inner * columns }).map((range) => [...range, 0, panels])
      : shares(loops, panels, { cost: rows * inner * COLUMNS }).map((range) => [0, rows, ...range]);
  const scratch = loops.scratch('productScratch', jobs.length);
  const calls = jobs.map((job, i) => [a.at, packed, to, scratch[i]!, a.down, a.right, inner, columns, ...job]);
  loops.run('product', calls);
}
