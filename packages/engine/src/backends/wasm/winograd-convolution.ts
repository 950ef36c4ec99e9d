import * as tf from '@tensorflow/tfjs';
import type { Overrides } from '../../kernels/registry.ts';
import type { Kernel } from '../../kernels/training-kernels.ts';
import { withPlain3x3 } from '../plain-3x3.ts';
import { type Loops, loopsOf, padded, shares } from './loops.ts';

/** A tile's numbers: a matrix, of tiles by channels, for each. */
const POSITIONS = 36;

/** Numbers in all matrices of the tiles that are worked on at a time, which are to stay in a cache of the second level. */
const MOST = 1 << 17;

/** Tiles at a time for the gradient to the filters, whose sums are read and written once for all of them. */
const MOST_TILES = 256;

/** Multiplications that changing a tile of one channel takes as long as. */
const TILE_COST = 256;

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
    const columns = padded(to);
    const dFilter = loops.uninitialized<tf.Tensor4D>([3, 3, from, to]);
    const all = tilesOf(images, high, wide);
    const most = Math.min(all, MOST_TILES);
    const matrices = [from, columns].map((row) => loops.uninitialized([POSITIONS, most, row]));
    const [at, gradient, tiles, gradients, sums] = [x, dy, ...matrices, tf.zeros([POSITIONS, from, columns])].map(
      loops.at,
    ) as [number, number, number, number, number];
    const changed = shares(loops, most, { cost: TILE_COST * (from + to), perThread: 1 });
    const products = shares(loops, POSITIONS, { cost: most * from * to });
    const scratch = loops.scratch('winogradFiltersScratch', Math.max(2 * changed.length, products.length));
    for (let block = 0; block < all; block += most) {
      const count = Math.min(most, all - block);
      const within = changed.map(([first, last]) => [Math.min(first, count), Math.min(last, count)]);
      loops.run('winogradTiles', [
        ...within.map((range, i) => [at, tiles, scratch[2 * i]!, high, wide, from, most, 0, block, ...range]),
        ...within.map((range, i) => [
          gradient,
          gradients,
          scratch[2 * i + 1]!,
          high,
          wide,
          to,
          most,
          1,
          block,
          ...range,
        ]),
      ]);
      loops.run(
        'winogradProducts',
        products.map((range, i) => [tiles, gradients, sums, scratch[i]!, from, to, most, count, ...range]),
      );
    }
    const rows = shares(loops, from, { cost: TILE_COST * to, perThread: 1 });
    loops.run(
      'winogradToFilter',
      rows.map((range, i) => [sums, loops.at(dFilter), scratch[i]!, from, to, ...range]),
    );
    return dFilter;
  });
}
