import * as tf from '@tensorflow/tfjs';
import { paddingOf } from '../../ops/padded-conv2d.ts';
import { type Sliding, type TrainingKernels, trainingKernel } from '../training-kernels.ts';
import { shiftPrelu } from './prelu.ts';

const convolve = trainingKernel('depthwise');

/** As tfjs knows the convolution: the image, padded unless tfjs does it, and its attributes. */
function slid(x: tf.Tensor4D, filter: tf.Tensor4D, { stride, padding }: Sliding) {
  const { pad, zeros } = paddingOf(x.shape, filter.shape, { stride, padding });
  const attrs = { strides: [stride, stride], pad, dataFormat: 'NHWC', dilations: [1, 1], dimRoundingMode: undefined };
  return { image: zeros ? tf.pad(x, zeros) : x, before: zeros ? padding : 0, attrs };
}

const run = (name: string, inputs: tf.NamedTensorMap, attrs: object): tf.Tensor4D =>
  tf.engine().runKernel(name, inputs, attrs as tf.NamedAttrMap);

export const depthwise: TrainingKernels['depthwise'] = ({ x, filter }, sliding) =>
  tf.tidy(() => {
    const { image, attrs } = slid(x, filter, sliding);
    return run('DepthwiseConv2dNative', { x: image, filter }, attrs);
  });

export const depthwisePrelu: TrainingKernels['depthwisePrelu'] = ({ x, filter, shift, alpha }, sliding) =>
  tf.tidy(() => shiftPrelu(convolve({ x, filter }, sliding), shift, alpha));

export const depthwiseGrad: TrainingKernels['depthwiseGrad'] = ({ dy, x, filter }, sliding) =>
  tf.tidy(() => {
    const { image, before, attrs } = slid(x, filter, sliding);
    const padded = run('DepthwiseConv2dNativeBackpropInput', { dy, filter }, { ...attrs, inputShape: image.shape });
    const dFilter = run(
      'DepthwiseConv2dNativeBackpropFilter',
      { x: image, dy },
      { ...attrs, filterShape: filter.shape },
    );
    return [image === x ? padded : tf.slice(padded, [0, before, before, 0], x.shape), dFilter];
  });
