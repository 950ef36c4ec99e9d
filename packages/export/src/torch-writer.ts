import { Float16Array } from '@petamoriken/float16';
import { encodeSafetensors, joinBytes } from '@protomem/core';
import type { DefinedEncoder } from '@protomem/encoders';
import type { ValuesOf } from './graph.ts';
import { torchTensors, unusedInTorch } from './torch-layout.ts';
import type { WriteSettings } from './write-model.ts';

/**
 * The weights as PyTorch's `state_dict` has them, of arcface_torch for an IResNet: norms stay, so that training can go on
 * there. `load_state_dict(safetensors.torch.load_file(...))` takes it as it is. What a module there has besides is written as
 * zeros.
 */
export function writeTorch(
  { layers, parameters }: DefinedEncoder,
  values: ValuesOf,
  { precision, metadata }: Pick<WriteSettings, 'precision' | 'metadata'>,
): Uint8Array<ArrayBuffer> {
  const weights = parameters.map(({ name, variable }) => ({ name, shape: variable.shape }));
  const unused = unusedInTorch(layers).map(({ name, shape }) => ({
    ...{ name, shape },
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
  }));
  const used = torchTensors(layers, weights).map(({ name, shape, toTorch }) => ({
    ...{ name, shape },
    data: toTorch(values(name)),
  }));
  const tensors = [...used, ...unused].map(({ name, shape, data }) => {
    if (precision === 'float32') return [name, { dtype: 'F32', shape, data }] as const;
    const bits = new Uint16Array(new Float16Array(data).buffer);
    return [name, { dtype: 'F16', shape, data: bits }] as const;
  });
  return joinBytes(
    encodeSafetensors({ tensors: Object.fromEntries(tensors), metadata: { format: 'pt', ...metadata } }),
  );
}
