import * as tf from '@tensorflow/tfjs';
import type { Overrides } from '../../kernels/registry.ts';
import { convGeometry } from './geometry.ts';
import { type Loops, loopsOf, shares } from './loops.ts';
import { packedPanels } from './products.ts';

/** As in assembly/: rows of a strip, columns of a panel, and pixels at a time. */
const [ROWS, COLUMNS, BLOCK] = [4, 8, 64];

/** Bytes of images, for one range of rows, that are to stay in a cache of the second level. */
const CACHED = 1 << 18;

type Info = tf.backend_util.Conv2DInfo;
type Kernel = Overrides[string];

const conv2d: Kernel = ({ x, filter }, attrs, backend) => {
  const info = convGeometry('Conv2D', x!.shape, filter!.shape, attrs);
  return convolve(loopsOf(backend), x!, filter!, info);
};

const conv2dBackpropInput: Kernel = ({ dy, filter }, attrs, backend) => {
  const info = convGeometry('Conv2DBackpropInput', attrs.inputShape as number[], filter!.shape, attrs);
  return backToImage(loopsOf(backend), dy!, filter!, info);
};

const conv2dBackpropFilter: Kernel = ({ x, dy }, attrs, backend) => {
  const info = convGeometry('Conv2DBackpropFilter', x!.shape, attrs.filterShape as number[], attrs);
  return backToFilter(loopsOf(backend), x!, dy!, info);
};

/** In place of tfjs's convolution, which is slower, and of its gradients, which it lacks or has as naive loops. */
export const convolutions: Overrides = {
  Conv2D: conv2d,
  Conv2DBackpropInput: conv2dBackpropInput,
  Conv2DBackpropFilter: conv2dBackpropFilter,
};

/** What `convolve` of assembly/ is told of a convolution. */
interface Geometry {
  readonly image: readonly [high: number, wide: number, channels: number];
  readonly out: readonly [high: number, wide: number, channels: number];
  readonly filter: readonly [high: number, wide: number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly before: readonly [top: number, left: number];
}

function convolve(loops: Loops, x: tf.Tensor, filter: tf.Tensor, info: Info): tf.Tensor {
  const { inChannels, outChannels, outShape } = info;
  return tf.tidy(() => {
    const y = loops.uninitialized<tf.Tensor4D>(outShape);
    const packed = packedPanels(
      loops,
      [{ at: loops.at(filter), down: 4 * outChannels, right: 4 }],
      [info.filterHeight * info.filterWidth * inChannels, outChannels],
    );
    const calls = callsOf(loops, [x, packed, y], info.batchSize, false, {
      image: [info.inHeight, info.inWidth, inChannels],
      out: [info.outHeight, info.outWidth, outChannels],
      filter: [info.filterHeight, info.filterWidth],
      strides: [info.strideHeight, info.strideWidth],
      dilations: [info.dilationHeight, info.dilationWidth],
      before: [info.padInfo.top, info.padInfo.left],
    });
    loops.run('convolve', calls);
    return y;
  });
}

function backToImage(loops: Loops, dy: tf.Tensor, filter: tf.Tensor, info: Info): tf.Tensor {
  const { inChannels, outChannels, filterHeight, filterWidth, strideHeight, strideWidth } = info;
  return tf.tidy(() => {
    const dx = loops.uninitialized<tf.Tensor4D>(info.inShape);
    const taps = Array.from({ length: filterHeight * filterWidth }, (_, tap) => ({
      at: loops.at(filter) + 4 * tap * inChannels * outChannels,
      down: 4,
      right: 4 * outChannels,
    }));
    // With stride 1 it is a convolution with the filter turned around.
    const back = strideHeight * strideWidth > 1;
    const packed = packedPanels(loops, back ? taps : taps.reverse(), [outChannels, inChannels]);
    const reach = [(filterHeight - 1) * info.dilationHeight, (filterWidth - 1) * info.dilationWidth] as const;
    const calls = callsOf(loops, [dy, packed, dx], info.batchSize, back, {
      image: [info.outHeight, info.outWidth, outChannels],
      out: [info.inHeight, info.inWidth, inChannels],
      filter: [filterHeight, filterWidth],
      strides: [strideHeight, strideWidth],
      dilations: [info.dilationHeight, info.dilationWidth],
      before: back
        ? [info.padInfo.top, info.padInfo.left]
        : [reach[0] - info.padInfo.top, reach[1] - info.padInfo.left],
    });
    loops.run('convolve', calls);
    return dx;
  });
}

/** Shares of the pixels of the result; with `back` apart for those that meet the same taps. */
function callsOf(
  loops: Loops,
  [x, packed, y]: readonly tf.Tensor[],
  images: number,
  back: boolean,
  { image, out, filter, strides, dilations, before }: Geometry,
): number[][] {
  const taps = filter[0] * filter[1];
  const [downs, acrosses] = back ? strides : [1, 1];
  const phases = Array.from({ length: downs * acrosses }, (_, phase) => [
    Math.floor(phase / acrosses),
    phase % acrosses,
  ]);
  const jobs = phases.flatMap(([row, column]) => {
    const pixels = images * Math.ceil((out[0] - row!) / downs) * Math.ceil((out[1] - column!) / acrosses);
    const cost = (taps * image[2] * out[2]) / phases.length;
    return shares(loops, pixels, { multiple: BLOCK, cost }).map(([first, last]) => [
      row!,
      column!,
      downs,
      acrosses,
      first,
      last,
    ]);
  });
  const scratch = loops.scratch('convolveScratch', jobs.length, image[2], ...filter);
  const geometry = [image, out, filter, strides, dilations, before].flat();
  return jobs.map((job, i) => [
    ...[loops.at(x!), loops.at(packed!), loops.at(y!), scratch[i]!],
    ...geometry,
    Number(back),
    ...job,
  ]);
}

function backToFilter(loops: Loops, x: tf.Tensor, dy: tf.Tensor, info: Info): tf.Tensor {
  const { inChannels, outChannels, batchSize, inHeight, inWidth, outHeight, outWidth, filterHeight, filterWidth } =
    info;
  const unfilled = -outChannels & (COLUMNS - 1);
  return tf.tidy(() => {
    const gradient =
      unfilled === 0
        ? dy
        : tf.pad(dy as tf.Tensor4D, [
            [0, 0],
            [0, 0],
            [0, 0],
            [0, unfilled],
          ]);
    const columns = outChannels + unfilled;
    const dFilter = tf.zeros([filterHeight, filterWidth, inChannels, columns]);
    const strips = filterHeight * filterWidth * Math.ceil(inChannels / ROWS);
    const row = 4 * outWidth * (columns + info.strideHeight * info.strideWidth * inChannels);
    const rows = Math.max(1, Math.min(batchSize * outHeight, Math.floor(CACHED / row)));
    const cost = ROWS * batchSize * outHeight * outWidth * columns;
    const jobs = shares(loops, strips, { cost });
    const scratch = loops.scratch('convolutionFilterGradientScratch', jobs.length, rows);
    const calls = jobs.map((job, i) => [
      ...[x, gradient, dFilter].map((tensor) => loops.at(tensor)),
      scratch[i]!,
      ...[batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, columns, filterWidth],
      ...[info.strideHeight, info.strideWidth, info.dilationHeight, info.dilationWidth],
      ...[info.padInfo.top, info.padInfo.left, rows],
      ...job,
    ]);
    loops.run('convolutionFilterGradient', calls);
    return unfilled === 0 ? dFilter : tf.slice(dFilter, 0, [filterHeight, filterWidth, inChannels, outChannels]);
  });
}
