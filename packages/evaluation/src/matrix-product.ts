import { check, integer, type OptionsOf, option } from '@protomem/core';

/**
 * `a bᵀ`: the dot products of rows of `a` with rows of `b`, row-major `[rows of a, rows of b]`. Give one to whatever
 * compares many vectors, where plain JavaScript is too slow.
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs'; // on @tensorflow/tfjs-node: all cores
 * const product: MatrixProduct = (a, b, width) =>
 *   tf.tidy(() => tf.matMul(tf.tensor2d(a, [a.length / width, width]), tf.tensor2d(b, [b.length / width, width]), false, true))
 *     .data<'float32'>();
 * ```
 */
export type MatrixProduct = (a: Float32Array, b: Float32Array, width: number) => Float32Array | Promise<Float32Array>;

/**
 * The product in plain JavaScript, two rows of each side at a time: every number that is read is used twice. The last row
 * of an odd number goes with four of the other side.
 */
export function plainProduct(a: Float32Array, b: Float32Array, width: number): Float32Array {
  const [rows, columns] = [a.length / width, b.length / width];
  const result = new Float32Array(rows * columns);
  const paired = rows - (rows % 2);
  if (paired < rows) lastRow(a.subarray(paired * width), b, result.subarray(paired * columns));
  for (let i = 0; i < paired; i += 2) {
    const i1 = i + 1;
    const [a0, a1] = [i * width, i1 * width];
    for (let j = 0; j < columns; j += 2) {
      const j1 = Math.min(j + 1, columns - 1);
      const [b0, b1] = [j * width, j1 * width];
      let [s00, s01, s10, s11] = [0, 0, 0, 0];
      for (let k = 0; k < width; k++) {
        const [x0, x1, y0, y1] = [a[a0 + k]!, a[a1 + k]!, b[b0 + k]!, b[b1 + k]!];
        s00 += x0 * y0;
        s01 += x0 * y1;
        s10 += x1 * y0;
        s11 += x1 * y1;
      }
      result[i * columns + j] = s00;
      result[i * columns + j1] = s01;
      result[i1 * columns + j] = s10;
      result[i1 * columns + j1] = s11;
    }
  }
  return result;
}

function lastRow(a: Float32Array, b: Float32Array, result: Float32Array): void {
  const width = a.length;
  for (let j = 0; j < result.length; j += 4) {
    // The last columns may be done twice.
    const [j1, j2, j3] = [1, 2, 3].map((more) => Math.min(j + more, result.length - 1)) as [number, number, number];
    const [b0, b1, b2, b3] = [j * width, j1 * width, j2 * width, j3 * width];
    let [s0, s1, s2, s3] = [0, 0, 0, 0];
    for (let k = 0; k < width; k++) {
      const x = a[k]!;
      s0 += x * b[b0 + k]!;
      s1 += x * b[b1 + k]!;
      s2 += x * b[b2 + k]!;
      s3 += x * b[b3 + k]!;
    }
    result[j] = s0;
    result[j1] = s1;
    result[j2] = s2;
    result[j3] = s3;
  }
}

/** The option of all that compares many vectors. */
export const productOptions = {
  product: option.given<MatrixProduct>()({
    help: 'Dot products by something faster, such as a tensor library.',
    default: plainProduct,
  }),
};

export type ProductOptions = OptionsOf<typeof productOptions>;

/** Numbers in a block of products: 16 MiB. */
const BLOCK = 2 ** 22;

/**
 * Dot products of all `queries` with all of `gallery`, a few queries at a time: `visit` sees each query's row once. The
 * row is a view that is overwritten.
 */
export async function forEachRow(
  queries: Float32Array,
  gallery: Float32Array,
  width: number,
  visit: (query: number, row: Float32Array) => void,
  product: MatrixProduct,
): Promise<void> {
  const [rows, columns] = [queries.length / width, gallery.length / width];
  const count = Math.max(1, Math.floor(BLOCK / columns));
  for (let from = 0; from < rows; from += count) {
    const part = queries.subarray(from * width, Math.min(rows, from + count) * width);
    const values = await product(part, gallery, width);
    for (let i = 0; i < part.length / width; i++) visit(from + i, values.subarray(i * columns, (i + 1) * columns));
  }
}

/** Refuses what are not rows of `width` finite numbers; returns how many there are. */
export function checkRows(where: string, what: string, values: Float32Array, width: number): number {
  integer(where, 'width', width, 1);
  check(values.length > 0 && values.length % width === 0, () => ({
    where,
    what: `length of ${what}`,
    got: values.length,
    expected: `rows of ${width} numbers, at least one`,
  }));
  for (let i = 0; i < values.length; i++) {
    // A plain condition: the loop runs over hundreds of millions of numbers.
    if (!Number.isFinite(values[i])) {
      check(false, () => ({
        where,
        what: `${what}, row ${Math.floor(i / width)}`,
        got: values[i],
        expected: 'finite numbers',
        fix: 'The encoder returned NaN or Infinity for this image.',
      }));
    }
  }
  return values.length / width;
}

/** Refuses ids that are not one integer for each row. */
export function checkIds(where: string, what: string, ids: ArrayLike<number>, rows: number): void {
  check(ids.length === rows, () => ({
    where,
    what: `length of ${what}`,
    got: ids.length,
    expected: `${rows}, one for each row`,
  }));
  for (let i = 0; i < rows; i++) if (!Number.isSafeInteger(ids[i])) integer(where, `${what}[${i}]`, ids[i]!, 0);
}
