import type { State, Stateful } from '@protomem/core';
import type { Parameter } from '@protomem/core/contracts';
import type * as tf from '@tensorflow/tfjs';

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
   * @param learningRate of this step, for parameters with a `rate` of 1.
   */
  step(parameters: readonly Parameter[], gradients: tf.NamedTensorMap, learningRate: number): void;
  state(): Promise<State>;
  restore(state: State): void;
  dispose(): void;
}
