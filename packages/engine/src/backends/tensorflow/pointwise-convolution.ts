import * as tf from '@tensorflow/tfjs';
import { type Overrides, tfjsKernel } from '../../kernels/registry.ts';
import type { Kernel } from '../../kernels/training-kernels.ts';
import { computesInBfloat16 } from './bfloat16.ts';
import { every } from './every-pixel.ts';
import { execute, type TensorflowBackend } from './execute.ts';

/**
 * A 1x1 convolution is a product of matrices, pixels by channels, and so are its gradients: TensorFlow takes a tenth less
 * time for the product, a quarter less for the filter's gradient. In bfloat16 the convolution is the faster one.
 *
 * The filter's gradient with strides is a product wherever the image has few channels: there oneDNN is wrong.
 */
export function pointwiseConvolutions(): Overrides {
  return {
    Conv2D: pointwise(
      'Conv2D',
      ({ filter }) => filter!.shape,
      ({ x, filter }, _, backend) => {
        const [inputs, outputs] = filter!.shape.slice(2);
        const y = product(backend, matrix(x!, inputs!), matrix(filter!, outputs!));
        return tf.reshape(y, [...x!.shape.slice(0, 3), outputs!]);
      },
    ),
    Conv2DBackpropInput: pointwise(
      'Conv2DBackpropInput',
      ({ filter }) => filter!.shape,
      ({ dy, filter }, { inputShape }, backend) => {
        const outputs = filter!.shape[3]!;
        const dx = product(backend, matrix(dy!, outputs), matrix(filter!, outputs), false, true);
        return tf.reshape(dx, inputShape as number[]);
      },
    ),
    Conv2DBackpropFilter: pointwise(
      'Conv2DBackpropFilter',
      (_, { filterShape }) => filterShape as number[],
      ({ x, dy }, { filterShape, strides, dataFormat }, backend) => {
        const [inputs, outputs] = (filterShape as number[]).slice(2);
        const channelsLast = (image: tf.Tensor): tf.Tensor4D =>
          dataFormat === 'NCHW' ? tf.transpose(image as tf.Tensor4D, [0, 2, 3, 1]) : (image as tf.Tensor4D);
        const pixels = matrix(every(channelsLast(x!), inPair(strides)), inputs!);
        const dFilter = product(backend, pixels, matrix(channelsLast(dy!), outputs!), true);
        return tf.reshape(dFilter, filterShape as number[]);
      },
      strayingFilterGradient,
    ),
  };
}

/**
 * Whether oneDNN's gradient for a filter of one pixel, with strides, leaves its memory. It copies the pixels that the
 * strides leave over into a workspace of `pixels * channels` numbers, but every block of them to `first pixel * 16` (8 without
 * AVX-512): with fewer channels the later ones land behind the end, and what it reads there is wrong. So it is in 3.7,
 * which TensorFlow 2.21 has, in float32 and bfloat16 (https://github.com/uxlfoundation/oneDNN/issues/6035); with more channels
 * it is right, and as fast as the product.
 */
const strayingFilterGradient = ([, , channels]: readonly number[], strides: [number, number]): boolean =>
  channels! < 16 && strides.some((stride) => stride > 1);

/**
 * A kernel for filters of one pixel that miss none of the image's, and tfjs-node's for the others.
 *
 * @param always where it is to be ours whatever the precision: shapes that TensorFlow has wrong.
 */
function pointwise(
  name: string,
  filterOf: (inputs: tf.NamedTensorMap, attrs: tf.NamedAttrMap) => readonly number[],
  kernel: Kernel<tf.NamedTensorMap, tf.Tensor>,
  always: (filterShape: readonly number[], strides: [number, number]) => boolean = () => false,
): Kernel {
  const tfjs = tfjsKernel(name, 'tensorflow');
  return (inputs, attrs, backend) => {
    const filterShape = filterOf(inputs, attrs);
    const strides = inPair(attrs.strides);
    const unpadded = filterShape[0] === 1 && filterShape[1] === 1 && (typeof attrs.pad === 'string' || attrs.pad === 0);
    const everyPixel = strides.every((stride) => stride === 1) && attrs.dataFormat !== 'NCHW';
    const faster = everyPixel && !computesInBfloat16(backend);
    const ours = unpadded && (faster || always(filterShape, strides));
    if (!ours || (backend as TensorflowBackend).isUsingGpuDevice) return tfjs(inputs, attrs, backend);
    return tf.tidy(() => kernel(inputs, attrs, backend));
  };
}

export const inPair = (strides: tf.NamedAttrMap[string] | undefined): [number, number] =>
  (Array.isArray(strides) ? strides : [strides, strides]) as [number, number];

const matrix = (tensor: tf.Tensor, columns: number): tf.Tensor2D => tf.reshape(tensor, [-1, columns]) as tf.Tensor2D;

function product(backend: tf.KernelBackend, a: tf.Tensor, b: tf.Tensor, transposeA = false, transposeB = false) {
  const attributes = { transpose_a: ['BOOL', transposeA], transpose_b: ['BOOL', transposeB] } as const;
  return execute(backend, 'MatMul', [a, b], attributes)[0];
}
