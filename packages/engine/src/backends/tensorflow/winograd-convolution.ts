import type { Overrides } from '../../kernels/registry.ts';
import type { Kernel } from '../../kernels/training-kernels.ts';
import { withPlain3x3 } from '../plain-3x3.ts';
import { computesInBfloat16 } from './bfloat16.ts';
import { execute } from './execute.ts';
import { hasTrainingOps, registerOf } from './has-training-ops.ts';

/**
 * 3x3 convolutions with stride 1 and "same" padding, and their gradients, in a quarter of the multiplications (Winograd's
 * F(4x4, 3x3)): ops of our own, where they are loaded, in float32. Their error is four times that of a sum in float32, 2e-6
 * of the result.
 *
 * @param others what takes the place of tfjs's kernels already: for all other convolutions
 */
export function winogradConvolutions(others: Overrides): Overrides {
  const run =
    (op: string, ...operands: string[]): Kernel =>
    (inputs, _, backend) =>
      execute(
        backend,
        op,
        operands.map((operand) => inputs[operand]!),
        {},
      )[0];
  return withPlain3x3(
    'tensorflow',
    others,
    {
      Conv2D: run('ProtomemConv3x3', 'x', 'filter'),
      Conv2DBackpropInput: run('ProtomemConv3x3InputGrad', 'dy', 'filter'),
      Conv2DBackpropFilter: run('ProtomemConv3x3FilterGrad', 'x', 'dy'),
    },
    (channels, backend) =>
      hasTrainingOps(backend) &&
      !computesInBfloat16(backend) &&
      channels.every((count) => count % registerOf(backend) === 0),
  );
}
