import * as tf from '@tensorflow/tfjs';
import type { Overrides } from '../../kernels/registry.ts';
import type { Kernel } from '../../kernels/training-kernels.ts';
import { withPlain3x3 } from '../plain-3x3.ts';
import { type Loops, loopsOf, shares } from './loops.ts';

/** As in assembly/: columns of a panel. */
const COLUMNS = 8;

/** A tile's numbers: a matrix, of tiles by channels, for each. */
const POSITIONS = 36;

/** Numbers in all matrices of the tiles that are worked on at a time, which are to stay in a cache of the second level. */
const MOST = 1 << 17;

const FEW_CHANNELS = 32;

/**
 * 3x3 convolutions with stride 1 and "same" padding, and their gradients, in a quarter of the multiplications (Winograd's
 * F(4x4, 3x3)). See `cpp/winograd.h` of `@protomem/native`.
 *
 * @param others what takes the place of tfjs's kernels already: for all other convolutions
 */
export function winogradConvolutions(others: Overrides): Overrides {
  return withPlain3x3(
    'wasm',
    others,
    {
      Conv2D: ({ x, filter }, _, backend) => convolve(loopsOf(backend), x!, filter!, false),
      Conv2DBackpropInput: ({ dy, filter }, _, backend) => convolve(loopsOf(backend), dy!, filter!, true),
      Conv2DBackpropFilter: ({ x, dy }, _, backend) => filterGradient(loopsOf(backend), x!, dy!),
    } satisfies Record<string, Kernel<tf.NamedTensorMap, tf.Tensor>>,
    // With fewer, the changes of basis take as long as what they save.
    (channels) => channels.every((count) => count % 4 === 0 && count >= FEW_CHANNELS),
  );
}

const padded = (columns: number): number => Math.ceil(columns / COLUMNS) * COLUMNS;

const tilesOf = (images: number, high: number, wide: number): number =>
  images * Math.ceil(high / 4) * Math.ceil(wide / 4);

/** So many tiles, of so many numbers in each matrix, at a time. */
const atATime = (numbers: number, all: number): number =>
  Math.min(Math.ceil(all / 4) * 4, Math.max(16, Math.floor(MOST / (POSITIONS * numbers * 4)) * 4));

function convolve(loops: Loops, x: tf.Tensor, filter: tf.Tensor, back: boolean): tf.Tensor {
  return tf.tidy(() => {
    const [images, high, wide, from] = x.shape as [number, number, number, number];
    const to = filter.shape[back ? 2 : 3]!;
    const y = loops.uninitialized<tf.Tensor4D>([images, high, wide, to]);
    const filters = loops.at(loops.uninitialized([POSITIONS * from * padded(to)]));
    const [tile] = loops.scratch('winogradFiltersScratch', 1);
    loops.run('winogradFilters', [
      [loops.at(filter), filters, tile!, filter.shape[2]!, filter.shape[3]!, Number(back)],
    ]);
    const all = tilesOf(images, high, wide);
    const most = atATime(from + padded(to), all);
    const jobs = shares(loops, all, { multiple: 4, cost: POSITIONS * from * to });
    const scratch = loops.scratch('winogradConvolutionScratch', jobs.length, from, to, most);
    loops.run(
      'winogradConvolution',
      jobs.map((job, i) => [loops.at(x), filters, loops.at(y), scratch[i]!, high, wide, from, to, most, ...job]),
    );
    return y;
  });
}

function filterGradient(loops: Loops, x: tf.Tensor, dy: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const [images, high, wide, from] = x.shape as [number, number, number, number];
    const to = dy.shape[3]!;
    const dFilter = loops.uninitialized<tf.Tensor4D>([3, 3, from, to]);
    const all = tilesOf(images, high, wide);
    // Every share changes all tiles of dy.
    const jobs = shares(loops, from, { multiple: 4, cost: all * POSITIONS * to, perThread: 1 });
    // The sums are read and written once for all tiles at a time.
    const most = Math.min(all, 64);
    const [first, last] = jobs.at(-1)!; // The largest.
    const scratch = loops.scratch('winogradFilterGradientScratch', jobs.length, last - first, to, most);
    loops.run(
      'winogradFilterGradient',
      jobs.map((job, i) => [
        ...[x, dy, dFilter].map(loops.at),
        ...[scratch[i]!, high, wide, from, to, most, all],
        ...job,
      ]),
    );
    return dFilter;
  });
}
