import * as tf from '@tensorflow/tfjs';
import type { Kernel } from '../../kernels/training-kernels.ts';

/** Products below this many multiplications are left to the naive loop: more kernels would cost more than they save. */
const small = 4096;

/**
 * tfjs's kernel is fast only for one product of matrices as they are; for transposed operands and for batches it is a
 * naive loop, ten to twenty times slower. Those become the fast case here.
 */
export function batchMatMul(tfjs: Kernel<tf.NamedTensorMap, tf.Tensor>): Kernel {
  return ({ a, b }, attrs, backend) => {
    const plain = (left: tf.Tensor, right: tf.Tensor): tf.Tensor =>
      tfjs({ a: left, b: right }, { transposeA: false, transposeB: false }, backend);
    const transposeA = attrs.transposeA as boolean;
    const transposeB = attrs.transposeB as boolean;
    const [batchA, rowsA, columnsA] = as3D(a!);
    const [batchB, rowsB, columnsB] = as3D(b!);
    const [m, k] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
    const n = transposeB ? rowsB : columnsB;
    const batch = Math.max(batchA, batchB);
    const fast = !transposeA && !transposeB && batch === 1;
    const unfit = k !== (transposeB ? columnsB : rowsB) || (batchA !== batchB && Math.min(batchA, batchB) !== 1);
    if (fast || unfit || m * k * n < small || a!.dtype !== 'float32' || b!.dtype !== 'float32') {
      return tfjs({ a: a!, b: b! }, attrs, backend);
    }
    return tf.tidy(() => {
      const left = tf.reshape(a!, [batchA, rowsA, columnsA]) as tf.Tensor3D;
      const right = tf.reshape(b!, [batchB, rowsB, columnsB]) as tf.Tensor3D;
      const outer = batchA >= batchB ? a!.shape.slice(0, -2) : b!.shape.slice(0, -2);
      if (batchB === 1 && !transposeA) {
        const flat = tf.reshape(left, [1, batchA * m, k]) as tf.Tensor3D;
        return tf.reshape(product(flat, right, transposeA, transposeB, plain), [...outer, m, n]);
      }
      const products = Array.from({ length: batch }, (_, i) =>
        tf.tidy(() => product(matrix(left, i), matrix(right, i), transposeA, transposeB, plain)),
      );
      return tf.reshape(tf.concat(products, 0), [...outer, m, n]);
    });
  };
}

/** One product; of `A B = (B' A')'` the side that moves fewer values. tfjs's kernel also packs its second operand. */
function product(
  a: tf.Tensor3D,
  b: tf.Tensor3D,
  transposeA: boolean,
  transposeB: boolean,
  plain: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
): tf.Tensor {
  const [m, k] = transposeA ? [a.shape[2], a.shape[1]] : [a.shape[1], a.shape[2]];
  const n = transposeB ? b.shape[1] : b.shape[2];
  const direct = (transposeA ? m * k : 0) + (transposeB ? 2 : 1) * n * k;
  const swapped = (transposeB ? 0 : n * k) + (transposeA ? 1 : 2) * m * k + m * n;
  if (direct <= swapped) return plain(transposeA ? transpose(a) : a, transposeB ? transpose(b) : b);
  return transpose(plain(transposeB ? b : transpose(b), transposeA ? a : transpose(a)));
}

function transpose(x: tf.Tensor): tf.Tensor {
  return tf.transpose(x, [0, 2, 1]);
}

function matrix(batch: tf.Tensor3D, i: number): tf.Tensor3D {
  const [count, rows, columns] = batch.shape;
  return count === 1 ? batch : tf.slice(batch, [i, 0, 0], [1, rows, columns]);
}

function as3D({ shape, size }: tf.Tensor): [number, number, number] {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return [rows * columns === 0 ? 1 : size / (rows * columns), rows, columns];
}
