import { ProtomemError, type State, type Stateful, type TensorData, takeTensor } from '@protomem/core';
import type { Parameter } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';

/** Reads tensors back from the device, by name. */
export async function tensorsToState(tensors: Iterable<readonly [string, tf.Tensor]>): Promise<State['tensors']> {
  const read: Record<string, TensorData> = {};
  for (const [name, tensor] of tensors) {
    const data = await tensor.data();
    const { shape } = tensor;
    if (data instanceof Float32Array) read[name] = { dtype: 'F32', shape, data };
    else if (data instanceof Int32Array) read[name] = { dtype: 'I32', shape, data };
    else {
      throw new ProtomemError({
        where: 'tensorsToState',
        what: `dtype of "${name}"`,
        got: tensor.dtype,
        expected: 'float32 or int32',
      });
    }
  }
  return read;
}

/** Puts saved tensors on the device; the caller owns them. */
export function* tensorsFrom(tensors: State['tensors']): Generator<[string, tf.Tensor]> {
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    yield [name, tf.tensor(data, [...shape], dtype === 'I32' ? 'int32' : 'float32')];
  }
}

/**
 * Parameters as a part with a state: their values by name, running statistics too.
 *
 * `restore` throws before any is changed when one is missing or of another shape.
 *
 * @example
 * ```ts
 * const { parts } = await readCheckpoint(path);
 * await statefulParameters(encoder.parameters).restore(parts.encoder!);
 * ```
 */
export function statefulParameters(parameters: readonly Parameter[]): Stateful {
  return {
    state: async () => ({
      values: {},
      tensors: await tensorsToState(parameters.map(({ name, variable }) => [name, variable])),
    }),
    restore({ tensors }) {
      const values = parameters.map(({ name, variable }) =>
        takeTensor('restore', tensors, name, variable.dtype === 'int32' ? 'I32' : 'F32', variable.shape),
      );
      for (const [i, { variable }] of parameters.entries()) {
        tf.tidy(() => variable.assign(tf.tensor(values[i]!, variable.shape, variable.dtype)));
      }
    },
  };
}
