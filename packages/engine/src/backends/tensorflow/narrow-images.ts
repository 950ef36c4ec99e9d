import type * as tf from '@tensorflow/tfjs';
import { type Overrides, tfjsKernel } from '../../kernels/registry.ts';
import type { Kernel } from '../../kernels/training-kernels.ts';
import { inFloat32 } from './bfloat16.ts';
import { inPair } from './pointwise-convolution.ts';

/**
 * In bfloat16 oneDNN 3.7, which TensorFlow 2.21 has, reads memory that nobody wrote in the filter's gradient of a padded
 * convolution whose image is narrower than its stride. There, it is computed in float32.
 */
export function narrowImages(others: Overrides): Overrides {
  const inEither = (name: string): Overrides => {
    const kernel: Kernel = others[name] ?? tfjsKernel(name, 'tensorflow');
    return {
      [name]: (inputs, attrs, backend) => {
        const width = (inputs.x as tf.Tensor).shape[attrs.dataFormat === 'NCHW' ? 3 : 2]!;
        const run = () => kernel(inputs, attrs, backend);
        return width < inPair(attrs.strides)[1] ? inFloat32(backend, run) : run();
      },
    };
  };
  return { ...others, ...inEither('Conv2DBackpropFilter'), ...inEither('DepthwiseConv2dNativeBackpropFilter') };
}
