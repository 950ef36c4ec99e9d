import * as tf from '@tensorflow/tfjs';
import { convolve, type Margin } from './geometry.ts';

/** The input positions `phase, phase + stride, ...` along one axis, and the filter taps that reach them. */
interface Phase extends Margin {
  /** Number of such positions. */
  readonly length: number;
  /** First of those taps; the others follow in steps of the stride. */
  readonly firstTap: number;
  readonly taps: number;
}

/**
 * Gradient of a convolution for its input, made of convolutions with stride 1.
 *
 * With stride s, input positions p with the same `p mod s` meet the same taps of the filter, every s-th. So each of these
 * s phases is a convolution of `dy` with its own taps, reversed, and the phases are woven together: nothing is
 * multiplied with the zeros that a dilated `dy` would have.
 *
 * @param filter taps by row and column, then channels as `dy` and the input have them; depthwise: `[h, w, C, 1]`.
 */
export function transposedConvolution(
  dy: tf.Tensor4D,
  filter: tf.Tensor4D,
  info: tf.backend_util.Conv2DInfo,
  depthwise: boolean,
): tf.Tensor4D {
  const { strideHeight, strideWidth, padInfo, batchSize, inHeight, inWidth, inChannels } = info;
  const dilations: [number, number] = [info.dilationHeight, info.dilationWidth];
  const rowPhases = phases(inHeight, info.outHeight, strideHeight, info.filterHeight, dilations[0], padInfo.top);
  const columnPhases = phases(inWidth, info.outWidth, strideWidth, info.filterWidth, dilations[1], padInfo.left);
  const [height, width] = [Math.ceil(inHeight / strideHeight), Math.ceil(inWidth / strideWidth)];

  const phase = (rows: Phase, columns: Phase): tf.Tensor4D => {
    const reached = rows.taps > 0 && columns.taps > 0 && rows.length > 0 && columns.length > 0;
    if (!reached) return tf.zeros([batchSize, height, width, inChannels]);
    // tfjs's strided slice and reversal of a filter take several times as long.
    const order = reversed(rows, strideHeight).flatMap((row) =>
      reversed(columns, strideWidth).map((column) => row * info.filterWidth + column),
    );
    const all = tf.reshape(filter, [info.filterHeight * info.filterWidth, -1]);
    const [, , ...channels] = filter.shape;
    const taps = tf.reshape(tf.gather(all, tf.tensor1d(order, 'int32')), [rows.taps, columns.taps, ...channels]);
    const dx = convolve(dy, taps as tf.Tensor4D, { rows, columns, dilations, depthwise });
    return tf.pad(dx, [
      [0, 0],
      [0, height - rows.length],
      [0, width - columns.length],
      [0, 0],
    ]);
  };

  if (strideHeight === 1 && strideWidth === 1) return phase(rowPhases[0]!, columnPhases[0]!);
  // Side by side as channels, then read as [height, stride, width, stride, channels].
  const woven = tf.concat(
    rowPhases.map((rows) => {
      const columns = columnPhases.map((c) => tf.reshape(phase(rows, c), [batchSize * height * width, inChannels]));
      return tf.reshape(tf.concat(columns, 1), [batchSize * height, width * strideWidth * inChannels]);
    }),
    1,
  );
  const image = tf.reshape(woven, [batchSize, height * strideHeight, width * strideWidth, inChannels]) as tf.Tensor4D;
  return tf.slice(image, [0, 0, 0, 0], [batchSize, inHeight, inWidth, inChannels]);
}

/** The taps of a phase, the last first. */
const reversed = ({ firstTap, taps }: Phase, stride: number): number[] =>
  Array.from({ length: taps }, (_, i) => firstTap + (taps - 1 - i) * stride);

function phases(
  inLength: number,
  outLength: number,
  stride: number,
  filterLength: number,
  dilation: number,
  pad: number,
): Phase[] {
  return Array.from({ length: stride }, (_, phase) => {
    const length = Math.ceil((inLength - phase) / stride);
    const firstTap = (phase + pad) % stride;
    const taps = Math.max(0, Math.ceil((filterLength - firstTap) / stride));
    // Input position phase + q * stride meets output q + shift - j * dilation at its j-th tap.
    const shift = (phase + pad - firstTap) / stride;
    const reach = (taps - 1) * dilation;
    const before = reach - shift;
    return { length, firstTap, taps, before, after: length + reach - outLength - before };
  });
}
