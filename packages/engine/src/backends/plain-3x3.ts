import type * as tf from '@tensorflow/tfjs';
import { type Overrides, tfjsKernel } from '../kernels/registry.ts';
import type { Kernel } from '../kernels/training-kernels.ts';

/** Pixels of all images below which Winograd's changes of the filters cost more than they save. */
const FEW_PIXELS = 192;

const names = ['Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter'] as const;

/**
 * Kernels for 3x3 convolutions with stride 1 and "same" padding in float32, channels last, over more than a few pixels, on
 * top of others.
 *
 * @param others what takes the place of tfjs's kernels of the backend already: for all other convolutions
 * @param kernels of those, by tfjs's name
 * @param fits whether numbers of channels, in and out, are such as the kernels take
 */
export function withPlain3x3(
  backendName: string,
  others: Overrides,
  kernels: Readonly<Record<(typeof names)[number], Kernel>>,
  fits: (channels: readonly number[], backend: tf.KernelBackend) => boolean,
): Overrides {
  const own = names.map((name): [string, Kernel] => {
    const rest = others[name] ?? tfjsKernel(name, backendName);
    return [
      name,
      (inputs: tf.NamedTensorMap, attrs: tf.NamedAttrMap, backend) => {
        const filter = inputs.filter?.shape ?? (attrs.filterShape as number[]);
        const image = inputs.x ?? inputs.dy!;
        const ours = isPlain3x3(filter, image, attrs) && fits(filter.slice(2), backend);
        return (ours ? kernels[name] : rest)(inputs, attrs, backend);
      },
    ];
  });
  return { ...others, ...Object.fromEntries(own) };
}

/** Whether it is a convolution of the kind, in which that pays. */
export function isPlain3x3(filter: readonly number[], { shape, dtype }: tf.Tensor, attrs: tf.NamedAttrMap): boolean {
  const { strides = 1, dilations = 1, pad, dataFormat } = attrs;
  const ones = [strides, dilations].flat().every((side) => side === 1);
  const plain = filter[0] === 3 && filter[1] === 3 && ones && pad === 'same' && dataFormat !== 'NCHW';
  return plain && dtype === 'float32' && shape[0]! * shape[1]! * shape[2]! >= FEW_PIXELS;
}
