import * as tf from '@tensorflow/tfjs';
import type { Overrides } from '../../kernels/registry.ts';
import { convGeometry, geometryOf, type Sizes, sizesOf } from './geometry.ts';
import { type Loops, loopsOf, padded, ROWS, shares } from './loops.ts';
import { packedPanels } from './products.ts';

/** As in assembly/: pixels at a time. */
const BLOCK = 64;

/** Bytes of images, for one range of rows, that are to stay in a cache of the first level. */
const CACHED = 3 << 14;

type Kernel = Overrides[string];

const conv2d: Kernel = ({ x, filter }, attrs, backend) => {
  const info = convGeometry('Conv2D', x!.shape, filter!.shape, attrs);
  return convolve(loopsOf(backend), x!, filter!, sizesOf(info));
};

const conv2dBackpropInput: Kernel = ({ dy, filter }, attrs, backend) => {
  const info = convGeometry('Conv2DBackpropInput', attrs.inputShape as number[], filter!.shape, attrs);
  return backToImage(loopsOf(backend), dy!, filter!, sizesOf(info));
};

const conv2dBackpropFilter: Kernel = ({ x, dy }, attrs, backend) => {
  const info = convGeometry('Conv2DBackpropFilter', x!.shape, attrs.filterShape as number[], attrs);
  return backToFilter(loopsOf(backend), x!, dy!, sizesOf(info));
};

/** In place of tfjs's convolution, which is slower, and of its gradients, which it lacks or has as naive loops. */
export const convolutions: Overrides = {
  Conv2D: conv2d,
  Conv2DBackpropInput: conv2dBackpropInput,
  Conv2DBackpropFilter: conv2dBackpropFilter,
};

function convolve(loops: Loops, x: tf.Tensor, filter: tf.Tensor, sizes: Sizes): tf.Tensor {
  const [from, to] = [sizes.image[2], sizes.out[2]];
  return tf.tidy(() => {
    const matrix = { at: loops.at(filter), down: 4 * to, right: 4 };
    const packed = packedPanels(loops, [matrix], [sizes.filter[0] * sizes.filter[1] * from, to]);
    return overPixels(loops, x, packed, sizes, false);
  });
}

function backToImage(loops: Loops, dy: tf.Tensor, filter: tf.Tensor, sizes: Sizes): tf.Tensor {
  const { image, out, filter: sides, strides, dilations, before } = sizes;
  const [from, to] = [image[2], out[2]];
  return tf.tidy(() => {
    const taps = Array.from({ length: sides[0] * sides[1] }, (_, tap) => ({
      at: loops.at(filter) + 4 * tap * from * to,
      down: 4,
      right: 4 * to,
    }));
    const turned = { ...sizes, image: out, out: image };
    if (strides[0] * strides[1] > 1) return overPixels(loops, dy, packedPanels(loops, taps, [to, from]), turned, true);
    // A convolution with the filter turned around.
    const reach = (axis: 0 | 1): number => (sides[axis] - 1) * dilations[axis] - before[axis];
    const packed = packedPanels(loops, taps.reverse(), [to, from]);
    return overPixels(loops, dy, packed, { ...turned, before: [reach(0), reach(1)] }, false);
  });
}

/** Shares of the pixels of the result; with `back` apart for those that meet the same taps. */
function overPixels(loops: Loops, x: tf.Tensor, packed: tf.Tensor, sizes: Sizes, back: boolean): tf.Tensor {
  const { images, image, out, filter } = sizes;
  const y = loops.uninitialized<tf.Tensor4D>([images, ...out]);
  const [downs, acrosses] = back ? sizes.strides : [1, 1];
  const phases = Array.from({ length: downs * acrosses }, (_, i) => [Math.floor(i / acrosses), i % acrosses] as const);
  const cost = (filter[0] * filter[1] * image[2] * out[2]) / phases.length;
  const jobs = phases.flatMap(([row, column]) => {
    const pixels = images * Math.ceil((out[0] - row) / downs) * Math.ceil((out[1] - column) / acrosses);
    const ranges = shares(loops, pixels, { multiple: BLOCK, cost });
    return ranges.map((range) => [row, column, downs, acrosses, ...range]);
  });
  const scratch = loops.scratch('convolveScratch', jobs.length, image[2], ...filter);
  const [from, panels, to, geometry] = [x, packed, y, geometryOf(sizes)].map(loops.at) as [
    number,
    number,
    number,
    number,
  ];
  loops.run(
    'convolve',
    jobs.map((job, i) => [from, panels, to, scratch[i]!, geometry, Number(back), ...job]),
  );
  return y;
}

function backToFilter(loops: Loops, x: tf.Tensor, dy: tf.Tensor, sizes: Sizes): tf.Tensor {
  const { images, image, out, filter, strides } = sizes;
  const [from, to] = [image[2], out[2]];
  const columns = padded(to);
  return tf.tidy(() => {
    const gradient = columns === to ? dy : widened(dy, columns - to);
    const dFilter = tf.zeros([...filter, from, columns]);
    const rowBytes = 4 * out[1] * (columns + strides[0] * strides[1] * from);
    const rows = Math.max(1, Math.min(images * out[0], Math.floor(CACHED / rowBytes)));
    const strips = filter[0] * filter[1] * Math.ceil(from / ROWS);
    const jobs = shares(loops, strips, { cost: ROWS * images * out[0] * out[1] * columns });
    const scratch = loops.scratch('convolutionFilterGradientScratch', jobs.length, rows);
    const geometry = geometryOf({ ...sizes, out: [out[0], out[1], columns] });
    const pointers = [x, gradient, dFilter].map(loops.at);
    loops.run(
      'convolutionFilterGradient',
      jobs.map((job, i) => [...pointers, scratch[i]!, loops.at(geometry), rows, ...job]),
    );
    return columns === to ? dFilter : tf.slice(dFilter, 0, [...filter, from, to]);
  });
}

/** Images with so many noughts behind the channels of each pixel. */
const widened = (images: tf.Tensor, channels: number): tf.Tensor =>
  tf.pad(
    images,
    images.shape.map((_, axis): [number, number] => [0, axis === 3 ? channels : 0]),
  );
