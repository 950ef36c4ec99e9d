import * as tf from '@tensorflow/tfjs';
import type { Overrides } from '../../kernels/registry.ts';
import type { Kernel } from '../../kernels/training-kernels.ts';
import { withPlain3x3 } from '../plain-3x3.ts';
import { pointer, type Simd, simdOf, uninitialized } from './simd.ts';

/** A tile's numbers: a matrix, of tiles by channels, for each. */
const POSITIONS = 36;

const FEW_CHANNELS = 32;

/** Numbers in all matrices of the tiles that are worked on at a time: 8 MiB. */
const MOST = 1 << 21;

/**
 * 3x3 convolutions with stride 1 and "same" padding, and their gradients, in a quarter of the multiplications (Winograd's
 * F(4x4, 3x3)): loops of our own change the basis, and tfjs's product of matrices, with all its threads, does the rest. See
 * `cpp/winograd.h` of `@protomem/native`.
 *
 * @param others what takes the place of tfjs's kernels already: for all other convolutions
 */
export function winogradConvolutions(others: Overrides): Overrides {
  return withPlain3x3(
    'wasm',
    others,
    {
      Conv2D: ({ x, filter }, _, backend) => convolve(backend, x!, filter!, false),
      Conv2DBackpropInput: ({ dy, filter }, _, backend) => convolve(backend, dy!, filter!, true),
      Conv2DBackpropFilter: ({ x, dy }, _, backend) => filterGradient(backend, x!, dy!),
    } satisfies Record<string, Kernel<tf.NamedTensorMap, tf.Tensor>>,
    // With fewer, the changes of basis, which one thread does, take as long as what they save.
    (channels, backend) =>
      channels.every((count) => count % 4 === 0 && count >= FEW_CHANNELS) && simdOf(backend) !== undefined,
  );
}

/** The matrices of all positions, and where the loops find them. */
interface Matrices {
  readonly each: readonly tf.Tensor2D[];
  readonly table: number;
}

function matrices(backend: tf.KernelBackend, each: readonly tf.Tensor2D[]): Matrices {
  const pointers = each.map((matrix) => pointer(backend, matrix));
  return { each, table: pointer(backend, tf.tensor1d(pointers, 'int32')) };
}

const empty = (backend: tf.KernelBackend, rows: number, columns: number): Matrices =>
  matrices(
    backend,
    Array.from({ length: POSITIONS }, () => uninitialized<tf.Tensor2D>([rows, columns], backend)),
  );

/** Products position by position; the operands on the left are not needed any more. */
const products = (backend: tf.KernelBackend, a: Matrices, b: Matrices): Matrices =>
  matrices(
    backend,
    a.each.map((left, p) => {
      const product: tf.Tensor2D = tf.matMul(left, b.each[p]!);
      left.dispose();
      return product;
    }),
  );

/** The first of the tiles that are worked on at a time, and how many they are. */
function* parts({ shape }: tf.Tensor, channels: number): Generator<[first: number, count: number]> {
  const [images, high, wide] = shape as [number, number, number];
  const tiles = images * Math.ceil(high / 4) * Math.ceil(wide / 4);
  const most = Math.max(1, Math.floor(MOST / (POSITIONS * channels)));
  for (let first = 0; first < tiles; first += most) yield [first, Math.min(most, tiles - first)];
}

function convolve(backend: tf.KernelBackend, x: tf.Tensor, filter: tf.Tensor, turned: boolean): tf.Tensor {
  const simd = simdOf(backend) as Simd;
  const at = (tensor: tf.Tensor): number => pointer(backend, tensor);
  return tf.tidy(() => {
    const [high, wide, from] = x.shape.slice(1) as [number, number, number];
    const to = filter.shape[turned ? 2 : 3]!;
    const y = uninitialized<tf.Tensor4D>([x.shape[0]!, high, wide, to], backend);
    const scratch = at(uninitialized([4 * POSITIONS], backend));
    const filters = empty(backend, from, to);
    simd.winogradFilters(at(filter), filters.table, scratch, filter.shape[2]!, filter.shape[3]!, Number(turned));
    for (const [first, count] of parts(x, from + to)) {
      tf.tidy(() => {
        const tiles = empty(backend, count, from);
        simd.winogradTiles(at(x), tiles.table, scratch, high, wide, from, first, count, 0, 0);
        const sums = products(backend, tiles, filters);
        simd.winogradResults(sums.table, at(y), scratch, high, wide, to, first, count);
      });
    }
    return y;
  });
}

function filterGradient(backend: tf.KernelBackend, x: tf.Tensor, dy: tf.Tensor): tf.Tensor {
  const simd = simdOf(backend) as Simd;
  const at = (tensor: tf.Tensor): number => pointer(backend, tensor);
  return tf.tidy(() => {
    const [high, wide, from] = x.shape.slice(1) as [number, number, number];
    const to = dy.shape[3]!;
    const scratch = at(uninitialized([4 * POSITIONS], backend));
    const all = Array.from(parts(x, from + to), ([first, count]) =>
      tf.tidy(() => {
        const [tiles, gradients] = [empty(backend, from, count), empty(backend, count, to)];
        simd.winogradTiles(at(x), tiles.table, scratch, high, wide, from, first, count, 0, 1);
        simd.winogradTiles(at(dy), gradients.table, scratch, high, wide, to, first, count, 1, 0);
        const sums = products(backend, tiles, gradients);
        const part = uninitialized<tf.Tensor4D>([3, 3, from, to], backend);
        simd.winogradFilterGradient(sums.table, at(part), scratch, from, to);
        return part;
      }),
    );
    return all.length === 1 ? all[0]! : tf.addN(all);
  });
}
