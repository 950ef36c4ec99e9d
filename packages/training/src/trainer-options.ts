import type { Json, Loader, Miner, writeFileAtomic } from '@protomem/core';
import type { Encoder, Head } from '@protomem/core/contracts';
import type { Hooks } from './hooks.ts';
import type { Logger } from './logger.ts';
import type { Optimizer } from './optimizer.ts';
import type { Recipe } from './recipe.ts';
import type { Schedule } from './schedules.ts';

export interface CheckpointOptions {
  /** Folder of the checkpoints; made when missing. */
  readonly directory: string;
  /** Steps between two. One is also written when the run ends or stops. */
  readonly every: number;
  /** How many of the newest stay; an older one goes only once a newer one is on disk. Default 2. */
  readonly keep?: number;
  /**
   * Dotted keys of `config` that a resumed run may change, with all below them, such as `out` or `log`. Default none.
   * The encoder's card, names of the parts, optimizer options, batch size, steps, seed, clipNorm and encoderBatch
   * never may.
   */
  readonly mayDiffer?: readonly string[];
  /**
   * A saved recipe goes through it before it is compared with that of this run, for configurations in the spelling of
   * an earlier release. Default: none.
   */
  readonly upgrade?: (saved: Recipe) => Recipe;
  /** Writes a file whole or not at all. Default `writeFileAtomic` of `@protomem/core`. */
  readonly write?: typeof writeFileAtomic;
}

/** The parts stay the caller's, who disposes them and closes the loader after the run. */
export interface TrainerOptions {
  readonly encoder: Encoder;
  /** Its `state` includes the values of its own parameters. */
  readonly head: Head;
  readonly loader: Loader;
  /**
   * Told after each step what the head saw (`lastLookAlikes`, which the head must have, and `lastEvicted`); saved with
   * the rest. Its metrics are logged as `miner/...`. Default: nobody is told.
   */
  readonly miner?: Miner;
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
  /** Steps in all. */
  readonly steps: number;
  /** Largest global gradient norm; longer gradients are scaled down to it. Default: none are. */
  readonly clipNorm?: number;
  /**
   * Images that go through the encoder at once, at least 2, for batches whose activations do not fit: the head still sees
   * the whole batch; each image passes the encoder forward twice, and batch norm normalizes by part. Default: the batch.
   */
  readonly encoderBatch?: number;
  readonly hooks?: Hooks;
  /** Steps between two calls of `hooks.onEvaluate`, which is also called after the last step. Default: only then. */
  readonly evaluateEvery?: number;
  readonly loggers?: readonly Logger[];
  /** Default: none are written. */
  readonly checkpoints?: CheckpointOptions;
  /** Seeds the encoder's dropout, through the step's number. Default 0. */
  readonly seed?: number;
  /** The resolved config of the run: saved in checkpoints, compared on resume. Default `{}`. */
  readonly config?: { readonly [key: string]: Json };
}

export interface RunResult {
  /** Steps done. */
  readonly step: number;
  /** True when the run ended before its last step. */
  readonly stopped: boolean;
}

export interface Trainer {
  readonly stepsDone: number;
  /** Images that could not be read, and why, by name; kept over a resume. */
  readonly skipped: ReadonlyMap<string, string>;
  /** Goes on from the newest readable checkpoint. @returns the steps done; 0 when there is no checkpoint. */
  resume(): Promise<number>;
  /** One step. @returns its metrics. */
  step(): Promise<Readonly<Record<string, number>>>;
  /** Steps until all are done, `stop` is called, `signal` aborts or a hook answers `'stop'`. Each way saves a checkpoint. */
  run(options?: { readonly signal?: AbortSignal }): Promise<RunResult>;
  /** Ends a run after the step that is under way. */
  stop(): void;
}
