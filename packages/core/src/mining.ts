import type { Random } from './random.ts';
import type { Stateful } from './state.ts';

/** An identity, and another that an image of it was like. */
export interface LookAlike {
  readonly id: number;
  readonly lookAlike: number;
  /** Any similarity that grows with likeness. */
  readonly cosine: number;
  /** The image, as its place in the batch, where it is known. */
  readonly sample?: number;
}

/** What remembers, from what training steps see anyway, whom to show together. */
export interface Miner extends Stateful {
  /**
   * Called once after each training step, also when it saw nothing.
   *
   * @param gone identities that the head has dropped
   * @param images which of its identity's images each sample of the batch is, where the loader says so
   */
  observe(lookAlikes: readonly LookAlike[], gone?: readonly number[], images?: ArrayLike<number>): void;
  /** Numbers for the logs; cheap. */
  metrics(): Readonly<Record<string, number>>;
}

/** A batch that is being planned, and lacks classes. */
export interface BatchRequest {
  /** Number of the batch among those of this process: 0 for the first. */
  readonly batch: number;
  /** Classes that it has already. */
  readonly chosen: readonly number[];
  /** Classes that it may get, at most. */
  readonly wanted: number;
  readonly random: Random;
}

/** Names classes to add to a batch; the same request must always get the same answer, also after a resume. */
export type MinedClasses = (request: BatchRequest) => readonly number[];

/** A class of a batch that is being planned, and the images of it that may be chosen. */
export interface ImageRequest {
  /** Number of the batch, as in {@link BatchRequest}. */
  readonly batch: number;
  readonly identity: number;
  /** Images that are asked for, at most. */
  readonly wanted: number;
}

/** Names images of a class, the best first; the same request must always get the same answer, also after a resume. */
export type MinedImages = (request: ImageRequest) => readonly number[];
