import * as tf from '@tensorflow/tfjs';
import { type Inputs, type Kernel, type Kernels, stockKernel } from '../kernel.ts';
import type { TensorflowBackend } from './execute.ts';

/** TensorFlow's number for the type, which tfjs-node has no name for. */
const BFLOAT16 = 14;

/** A tensor as TensorFlow's binding knows it. */
interface Handle {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** What tfjs-node's backend has besides. */
interface Internals extends tf.KernelBackend {
  readonly binding: TensorflowBackend['binding'] & {
    executeOp(op: string, attributes: readonly object[], inputs: readonly number[], outputs: number): Handle[];
    deleteTensor(id: number): void;
  };
  getInputTensorIds(tensors: readonly tf.Tensor[]): number[];
  createOutputTensor(handle: Handle): tf.Tensor;
  [rounding]?: boolean;
}

/** On the backend and not in this module, of which a program may hold two copies. */
const rounding = Symbol.for('protomem.bfloat16Convolutions');

/** From now on convolutions and their gradients on this backend compute in bfloat16, or in float32 again. */
export function setBfloat16Convolutions(backend: tf.KernelBackend, on: boolean): void {
  (backend as Internals)[rounding] = on;
}

/**
 * tfjs-node's convolution and its two gradients, which can also compute in bfloat16: factors are rounded to it, products
 * summed in float32, and the result, rounded to it, handed on as float32. What the optimizer sees stays float32.
 */
export function convolutionKernels(): Kernels {
  return {
    Conv2D: either('Conv2D', ({ x, filter }) => ({
      image: x!.shape,
      filter: filter!.shape,
      operands: [x!, filter!],
    })),
    Conv2DBackpropInput: either('Conv2DBackpropInput', ({ dy, filter }, { inputShape }) => ({
      image: inputShape as number[],
      filter: filter!.shape,
      operands: [inputShape as number[], filter!, dy!],
    })),
    Conv2DBackpropFilter: either('Conv2DBackpropFilter', ({ x, dy }, { filterShape }) => ({
      image: x!.shape,
      filter: filterShape as number[],
      operands: [x!, filterShape as number[], dy!],
    })),
  };
}

/** A convolution as TensorFlow's op takes it. */
interface Convolution {
  readonly image: number[];
  readonly filter: number[];
  /** Tensors, or shapes of tensors to be made. */
  readonly operands: readonly (tf.Tensor | number[])[];
}

function either(name: string, read: (inputs: Inputs, attrs: tf.NamedAttrMap) => Convolution): Kernel {
  const stock = stockKernel(name, 'tensorflow');
  return (inputs, attrs, backend) =>
    (backend as Internals)[rounding]
      ? convolve(backend as Internals, name, read(inputs, attrs), attrs)
      : stock(inputs, attrs, backend);
}

function convolve(backend: Internals, op: string, { image, filter, operands }: Convolution, attrs: tf.NamedAttrMap) {
  const { binding } = backend;
  const temporary: number[] = [];
  const run = (name: string, attributes: readonly object[], inputs: readonly number[]): Handle => {
    const [handle] = binding.executeOp(name, attributes, inputs, 1);
    return handle!;
  };
  const cast = (id: number, from: number, to: number): Handle =>
    run('Cast', [type('SrcT', from), type('DstT', to)], [id]);
  const type = (name: string, value: number): object => ({ name, type: binding.TF_ATTR_TYPE, value });
  const rounded = (tensor: tf.Tensor): number => {
    const { id } = cast(backend.getInputTensorIds([tensor])[0]!, binding.TF_FLOAT!, BFLOAT16);
    temporary.push(id);
    return id;
  };
  return tf.tidy(() => {
    try {
      const inputs = operands.map((operand) =>
        Array.isArray(operand) ? backend.getInputTensorIds([tf.tensor1d(operand, 'int32')])[0]! : rounded(operand),
      );
      const result = run(op, [type('T', BFLOAT16), ...geometry(backend, image, filter, attrs)], inputs);
      temporary.push(result.id);
      return backend.createOutputTensor(cast(result.id, BFLOAT16, binding.TF_FLOAT!));
    } finally {
      for (const id of temporary) binding.deleteTensor(id);
    }
  });
}

/** Attributes of the op: strides, dilations, padding. */
function geometry(
  { binding }: Internals,
  image: number[],
  filter: number[],
  { strides, pad, dataFormat, dilations = 1, dimRoundingMode }: tf.NamedAttrMap,
): object[] {
  const info = tf.backend_util.computeConv2DInfo(
    image as [number, number, number, number],
    filter as [number, number, number, number],
    strides as number | [number, number],
    dilations as number | [number, number],
    pad as 'same',
    dimRoundingMode as 'floor',
    false,
    tf.backend_util.convertConv2DDataFormat(dataFormat as 'NHWC'),
  );
  const { type: padding, top, bottom, left, right } = info.padInfo;
  const channelsLast = info.dataFormat === 'channelsLast';
  const inOrder = (height: number, width: number): number[] =>
    channelsLast ? [1, height, width, 1] : [1, 1, height, width];
  const integers = (name: string, value: number[]): object => ({ name, type: binding.TF_ATTR_INT, value });
  const text = (name: string, value: string): object => ({ name, type: binding.TF_ATTR_STRING, value });
  const sides = [top, bottom, left, right];
  return [
    integers('strides', inOrder(info.strideHeight, info.strideWidth)),
    integers('dilations', inOrder(info.dilationHeight, info.dilationWidth)),
    text('padding', padding),
    text('data_format', channelsLast ? 'NHWC' : 'NCHW'),
    ...(padding === 'EXPLICIT'
      ? [integers('explicit_paddings', channelsLast ? [0, 0, ...sides, 0, 0] : [0, 0, 0, 0, ...sides])]
      : []),
  ];
}
