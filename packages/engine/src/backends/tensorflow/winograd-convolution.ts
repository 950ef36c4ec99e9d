import type * as tf from '@tensorflow/tfjs';
import { type Overrides, tfjsKernel } from '../../kernels/registry.ts';
import type { Kernel } from '../../kernels/training-kernels.ts';
import { computesInBfloat16 } from './bfloat16.ts';
import { execute } from './execute.ts';
import { hasTrainingOps } from './has-training-ops.ts';
import { instructionSet } from './instruction-sets.ts';

/** Pixels of all images below which changing the filters costs more than it saves. */
const FEW_PIXELS = 512;

/**
 * 3x3 convolutions with stride 1 and "same" padding, and their gradients, in a quarter of the multiplications (Winograd's F(4x4, 3x3)): ops of our own, where they
 * are loaded, in float32. Their error is four times that of a sum in float32, 2e-6 of the result.
 *
 * @param others what takes the place of tfjs's kernels already: for all other convolutions
 */
export function winogradConvolutions(others: Overrides): Overrides {
  const override = (name: string, op: string, filterOf: FilterOf, operands: readonly [string, string]) => {
    const rest = others[name] ?? tfjsKernel(name, 'tensorflow');
    const kernel: Kernel<tf.NamedTensorMap, tf.Tensor> = (inputs, attrs, backend) =>
      fits(filterOf(inputs, attrs), inputs[operands[0]]!, attrs, backend)
        ? execute(
            backend,
            op,
            operands.map((operand) => inputs[operand]!),
            {},
          )[0]
        : (rest(inputs, attrs, backend) as tf.Tensor);
    return { [name]: kernel };
  };
  const filterAsInput: FilterOf = ({ filter }) => filter!.shape;
  return {
    ...others,
    ...override('Conv2D', 'ProtomemConv3x3', filterAsInput, ['x', 'filter']),
    ...override('Conv2DBackpropInput', 'ProtomemConv3x3InputGrad', filterAsInput, ['dy', 'filter']),
    ...override('Conv2DBackpropFilter', 'ProtomemConv3x3FilterGrad', (_, attrs) => attrs.filterShape as number[], [
      'x',
      'dy',
    ]),
  };
}

type FilterOf = (inputs: tf.NamedTensorMap, attrs: tf.NamedAttrMap) => readonly number[];

/** Numbers that one register of the ops holds: channels come in as many. */
let register: number | undefined;

function fits(
  [high, wide, from, to]: readonly number[],
  { shape, dtype }: tf.Tensor,
  { strides, pad, dataFormat, dilations }: tf.NamedAttrMap,
  backend: tf.KernelBackend,
): boolean {
  register ??= instructionSet() === 'x86-64-v4' ? 16 : 8;
  const ones = (value: tf.NamedAttrMap[string] | undefined): boolean =>
    value === undefined || [value].flat().every((side) => side === 1);
  return (
    hasTrainingOps(backend) &&
    !computesInBfloat16(backend) &&
    dtype === 'float32' &&
    high === 3 &&
    wide === 3 &&
    pad === 'same' &&
    dataFormat !== 'NCHW' &&
    ones(strides) &&
    ones(dilations) &&
    from! % register === 0 &&
    to! % register === 0 &&
    shape[0]! * shape[1]! * shape[2]! >= FEW_PIXELS
  );
}
