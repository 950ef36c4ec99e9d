import type { State, TensorData } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';

/** Float32 tensors that an optimizer keeps between steps, by name: one momentum buffer a parameter, say. */
export interface Slots {
  get(name: string): tf.Tensor | undefined;
  /** Keeps `value` beyond the tidy it was made in, and disposes what `name` held before. */
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
    async state() {
      const tensors: Record<string, TensorData> = {};
      for (const [name, tensor] of slots) {
        // A copy: some backends hand out the very memory that they compute with.
        const data = (await tensor.data<'float32'>()).slice();
        tensors[name] = { dtype: 'F32', shape: tensor.shape, data };
      }
      return tensors;
    },
    restore(tensors) {
      dispose();
      for (const [name, { shape, data }] of Object.entries(tensors)) {
        slots.set(name, tf.keep(tf.tensor(data.slice(), [...shape], 'float32')));
      }
    },
    dispose,
  };
}
