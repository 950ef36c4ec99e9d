import type * as tf from '@tensorflow/tfjs';
import { composedKernels } from '../../kernels/composed/kernels.ts';
import type { OutputsOf, TrainingKernels } from '../../kernels/training-kernels.ts';
import { execute } from './execute.ts';
import { hasTrainingOps, registerOf } from './has-training-ops.ts';
import { ownOp } from './own-op.ts';

export const layerNorm = ownOp('layerNorm', (inputs, attrs, backend) => {
  const all = [inputs.x, inputs.scale, inputs.offset];
  return execute<OutputsOf<'layerNorm'>>(backend, 'ProtomemLayerNorm', all, { epsilon: ['FLOAT', attrs.epsilon] }, 3);
});

export const layerNormGrad = ownOp('layerNormGrad', (inputs, _, backend) => {
  const { dy, x, scale, mean, factor } = inputs;
  return execute<OutputsOf<'layerNormGrad'>>(
    backend,
    'ProtomemLayerNormGrad',
    [dy, x, scale, mean, factor],
    undefined,
    3,
  );
});

/** Ours takes heads of whole registers. */
const fits = (qkv: tf.Tensor3D, heads: number, backend: tf.KernelBackend): boolean =>
  hasTrainingOps(backend) && (qkv.shape[2] / 3 / heads) % registerOf(backend) === 0;

export const attention: TrainingKernels['attention'] = ({ qkv }, { heads }, backend) =>
  fits(qkv, heads, backend)
    ? execute<[tf.Tensor3D]>(backend, 'ProtomemAttention', [qkv], { heads: ['INT', heads] })[0]
    : composedKernels.attention({ qkv }, { heads }, backend);

export const attentionGrad: TrainingKernels['attentionGrad'] = ({ dy, qkv }, { heads }, backend) =>
  fits(qkv, heads, backend)
    ? execute<[tf.Tensor3D]>(backend, 'ProtomemAttentionGrad', [dy, qkv], { heads: ['INT', heads] })[0]
    : composedKernels.attentionGrad({ dy, qkv }, { heads }, backend);

/** TensorFlow's own op: one pass where tfjs takes nine. */
export const relu6Grad: TrainingKernels['relu6Grad'] = ({ dy, y }, _, backend) =>
  execute(backend, 'Relu6Grad', [dy, y])[0];
