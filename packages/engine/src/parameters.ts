import { check, type State, type TensorData, takeTensor } from '@protomem/core';
import type { Parameter } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';

/**
 * The values of parameters as plain data, running statistics included. All of them are those of the moment of the call,
 * whatever is assigned to the variables while the promise is pending.
 *
 * @param parameters of an encoder or a head; float32, names unique.
 * @throws when two have one name.
 * @returns copies, one `F32` tensor for each parameter under its name.
 *
 * @example
 * ```ts
 * const saved = await parametersState(encoder.parameters);
 * restoreParameters('my checkpoint', encoder.parameters, saved);
 * ```
 */
export async function parametersState(parameters: readonly Parameter[]): Promise<State> {
  checkNames('parametersState', parameters);
  // A clone keeps the buffer that the variable points to now; assigning to the variable points it to another one.
  const clones = parameters.map(({ variable }) => tf.clone(variable));
  try {
    const values = await Promise.all(clones.map(async (clone) => (await clone.data<'float32'>()).slice()));
    const tensors: Record<string, TensorData> = {};
    for (const [i, { name, variable }] of parameters.entries()) {
      tensors[name] = { dtype: 'F32', shape: variable.shape, data: values[i]! };
    }
    return { values: {}, tensors };
  } finally {
    tf.dispose(clones);
  }
}

/**
 * Gives parameters the values of a state. Every tensor is checked first: on an error nothing has changed.
 *
 * @param where names the file or function in errors.
 * @param parameters to assign to.
 * @param state what {@link parametersState} returned for parameters of the same names and shapes; not kept.
 * @throws when two parameters have one name, or a tensor is missing, has another shape or dtype, or belongs to no parameter.
 */
export function restoreParameters(where: string, parameters: readonly Parameter[], state: State): void {
  checkNames(where, parameters);
  const values = parameters.map(({ name, variable }) => takeTensor(where, state.tensors, name, 'F32', variable.shape));
  const known = new Set(parameters.map(({ name }) => name));
  const stranger = Object.keys(state.tensors).find((name) => !known.has(name));
  check(stranger === undefined, () => ({
    where,
    what: `tensor "${stranger}"`,
    got: 'of no parameter',
    expected: `one of the ${known.size} parameters`,
    fix: 'The state belongs to another network or other options.',
  }));
  for (const [i, { variable }] of parameters.entries()) {
    // The backend may keep the array that it is given, and a variable may be changed in place.
    tf.tidy(() => variable.assign(tf.tensor(values[i]!.slice(), variable.shape, 'float32')));
  }
}

/** @internal Refuses parameters of which two have one name: one would take the other's place. */
export function checkNames(where: string, parameters: readonly Parameter[]): void {
  const known = new Set<string>();
  for (const { name } of parameters) {
    const expected = 'one for each: gradients and saved weights go by it';
    check(!known.has(name), () => ({ where, what: 'name of two parameters', got: name, expected }));
    known.add(name);
  }
}
