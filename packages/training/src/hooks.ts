import type { ImageBatch } from '@protomem/core';

/** What a hook may answer: `'stop'` ends the run after this step, with a checkpoint. */
// biome-ignore lint/suspicious/noConfusingVoidType: a hook that returns nothing is the usual one.
export type HookAnswer = 'stop' | void;

/**
 * Functions that a run calls at its events, in the order of this list, and waits for. An error thrown by one ends the
 * run.
 */
export interface Hooks {
  /** Before the first step. `step` steps are done already (0, or those of the checkpoint). */
  onStart?(event: { readonly step: number; readonly steps: number }): HookAnswer | Promise<HookAnswer>;
  /** After each step; `metrics` is what the loggers get, `batch` what the step was made of. */
  onStepEnd?(event: {
    readonly step: number;
    readonly metrics: Readonly<Record<string, number>>;
    readonly batch: ImageBatch;
  }): HookAnswer | Promise<HookAnswer>;
  /**
   * Every `evaluateEvery` steps and after the last one. Metrics that it returns are logged at this step. Of several processes
   * all call it, so that they may share the work, and wait for the slowest.
   */
  onEvaluate?(event: {
    readonly step: number;
  }): Readonly<Record<string, number>> | HookAnswer | Promise<Readonly<Record<string, number>> | HookAnswer>;
  /** After a checkpoint is on disk. */
  onCheckpoint?(event: { readonly step: number; readonly path: string }): HookAnswer | Promise<HookAnswer>;
  /** When the run is over, not after an error. */
  onEnd?(event: { readonly step: number; readonly stopped: boolean }): void | Promise<void>;
}
