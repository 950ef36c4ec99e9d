import type { State, Stateful } from '@protomem/core';
import type { Parameter } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';
import { tensorsFrom, tensorsToState } from './tensor-state.ts';

/** Moves parameters against their gradients. Its state (momentum and the like) is saved with a checkpoint. */
export interface Optimizer extends Stateful {
  readonly name: string;
  /** The resolved options, for the checkpoint's recipe. */
  readonly options: Readonly<Record<string, number | boolean>>;
  /**
   * One step. Parameters without a gradient stay as they are.
   *
   * @param parameters to move; names are unique and stable, for the state goes by them.
   * @param gradients by parameter name, of the parameters' shapes. Not disposed.
   * @param learningRate of this step.
   */
  step(parameters: readonly Parameter[], gradients: tf.NamedTensorMap, learningRate: number): void;
  state(): Promise<State>;
  restore(state: State): void;
  dispose(): void;
}

/** Named tensors that an optimizer keeps between steps, such as one momentum buffer a parameter. */
export interface Slots {
  get(name: string): tf.Tensor | undefined;
  /** Keeps `value` beyond the tidy it was made in and disposes what `name` held before. */
  set(name: string, value: tf.Tensor): void;
  state(): Promise<State['tensors']>;
  restore(tensors: State['tensors']): void;
  dispose(): void;
}

export function createSlots(): Slots {
  const slots = new Map<string, tf.Tensor>();
  const dispose = () => {
    for (const tensor of slots.values()) tensor.dispose();
    slots.clear();
  };
  return {
    get: (name) => slots.get(name),
    set(name, value) {
      slots.get(name)?.dispose();
      slots.set(name, tf.keep(value));
    },
    state: () => tensorsToState(slots),
    restore(tensors) {
      dispose();
      for (const [name, tensor] of tensorsFrom(tensors)) slots.set(name, tf.keep(tensor));
    },
    dispose,
  };
}
