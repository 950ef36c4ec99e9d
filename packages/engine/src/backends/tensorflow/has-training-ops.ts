import type * as tf from '@tensorflow/tfjs';

/** On the backend and not in this module, of which a program may hold two copies. */
const loaded = Symbol.for('protomem.trainingOps');
const register = Symbol.for('protomem.trainingOps.register');

/** @internal Tests see with it what a machine without them does. */
export function useTrainingOps(backend: tf.KernelBackend, on: boolean): void {
  (backend as { [loaded]?: boolean })[loaded] = on;
}

/** Whether the ops named `Protomem...` can be executed on a backend. */
export function hasTrainingOps(backend: tf.KernelBackend): boolean {
  return (backend as { [loaded]?: boolean })[loaded] === true;
}

/** Says how many float32 one register of theirs holds: convolutions take channels in as many. */
export function setRegister(backend: tf.KernelBackend, numbers: number): void {
  (backend as { [register]?: number })[register] = numbers;
}

/** See {@link setRegister}. */
export const registerOf = (backend: tf.KernelBackend): number => (backend as { [register]?: number })[register] ?? 1;
