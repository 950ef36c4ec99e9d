import type { Random } from './random.ts';
import type { Stateful } from './state.ts';

/** An identity, and another that an image of it was like. */
export interface LookAlike {
  readonly id: number;
  readonly lookAlike: number;
  /** Any similarity that grows with likeness. */
  readonly cosine: number;
}

/** What remembers, from what training steps see anyway, whom to show together. */
export interface Miner extends Stateful {
  /**
   * Called once after each training step, also when it saw nothing.
   *
   * @param gone identities that the head has dropped
   */
  observe(lookAlikes: readonly LookAlike[], gone?: readonly number[]): void;
  /** Numbers for the logs; cheap. */
  metrics(): Readonly<Record<string, number>>;
}

/** A batch that is being planned, and lacks classes. */
export interface BatchRequest {
  /** Number of the batch: 0 for the first. */
  readonly batch: number;
  /** Classes that it has already. */
  readonly chosen: readonly number[];
  /** Classes that it may get, at most. */
  readonly wanted: number;
  readonly random: Random;
}

/** Names classes to add to a batch; the same request must always get the same answer, also after a resume. */
export type MinedClasses = (request: BatchRequest) => readonly number[];
