import { type Json, type Loader, type Miner, type OptionsOf, option } from '@protomem/core';
import type { Encoder, Head } from '@protomem/core/contracts';
import type { writeSafetensors } from '@protomem/core/node';
import type { Collective } from '@protomem/engine';
import type { Hooks } from './hooks.ts';
import type { KnownIdentities } from './identities.ts';
import type { Logger } from './logger.ts';
import type { Optimizer } from './optimizer.ts';
import type { Recipe } from './recipe.ts';
import type { ReencodeOptions } from './reencode.ts';
import type { Schedule } from './schedules.ts';

export const checkpointOptions = {
  directory: option.text({ help: 'Folder of the checkpoints; made when missing.' }),
  every: option.integer({ help: 'Steps between two. One is also written when the run ends or stops.', min: 1 }),
  keep: option.integer({
    help: 'How many of the newest stay; an older one goes only once a newer one is on disk.',
    ...{ min: 1, default: 2 },
  }),
  /** Such as `out` or `log`: what says nothing of what is learnt. */
  mayDiffer: option.given<readonly string[]>()({
    help: 'Dotted keys of `config` that a resumed run may change without a word, with all below them.',
    default: [],
  }),
  /**
   * Such as the learning rate. Without being named: `clipNorm`, `encoderBatch`, weight decay, more `steps`, and the batch
   * size where the loader takes its state. The encoder's card, names of the parts, the optimizer's other options and the
   * seed never may.
   */
  mayChange: option.given<readonly string[]>()({
    help: 'Dotted keys of `config` that a resumed run may change, with all below them; loggers are told of each.',
    default: [],
  }),
  identities: option.given<KnownIdentities>()({
    help: 'Whom the data is of: a resume on other people is refused. See `knownIdentities`.',
    absent: 'not compared',
  }),
  upgrade: option.given<(saved: Recipe) => Recipe>()({
    help: 'A saved recipe goes through it before it is compared: for spellings of an earlier release.',
    absent: 'none',
  }),
  write: option.given<typeof writeSafetensors>()({
    help: 'Writes a file whole or not at all.',
    absent: '`writeSafetensors` of `@protomem/core/node`',
  }),
};

export type CheckpointOptions = OptionsOf<typeof checkpointOptions>;

/** The parts stay the caller's, who disposes them and closes the loader after the run. */
export const trainerOptions = {
  encoder: option.given<Encoder>()({ help: 'Images to embeddings.' }),
  /** Its `state` includes the values of its own parameters. */
  head: option.given<Head>()({ help: 'Embeddings and identities to a loss.' }),
  loader: option.given<Loader>()({ help: 'Where batches come from.' }),
  /**
   * Gets after each step what the head saw (`lastLookAlikes`, which the head must have, and `lastEvicted`); its metrics
   * are logged as `miner/...`.
   */
  miner: option.given<Miner>()({
    help: 'Learns after each step who looks like whom; saved with the rest.',
    absent: 'none',
  }),
  /**
   * Of the active engine: `collective()`. Each process gives its rows of each batch (`share` of `@protomem/data`) and the same
   * of everything else; rank 0 evaluates and saves.
   */
  collective: option.given<Collective>()({
    help: 'The processes that train together, each on its rows of every batch.',
    absent: 'this process alone',
  }),
  compareEvery: option.integer({
    help: 'Steps between two comparisons of what the processes have come to, bit for bit, beside those at checkpoints; where it differs, the run stops.',
    ...{ min: 1, default: 100 },
  }),
  optimizer: option.given<Optimizer>()({ help: '`sgd`, `adamW` or your own.' }),
  schedule: option.given<Schedule>()({ help: 'Step to learning rate: one of `schedules`, or your function.' }),
  steps: option.integer({ help: 'Steps in all.', min: 1 }),
  clipNorm: option.number({
    help: 'Largest global gradient norm; longer gradients are scaled down to it.',
    ...{ min: Number.MIN_VALUE, absent: 'none are' },
  }),
  /** Of the weights as one vector, before each step and at each checkpoint: such a checkpoint is not written. */
  maxWeightNorm: option.number({
    help: 'Norm of all trainable weights beyond which a run counts as lost, and stops.',
    ...{ min: Number.MIN_VALUE, default: 1e6 },
  }),
  /**
   * For batches whose activations do not fit: the head still sees the whole batch; each image passes the encoder forward
   * twice, and batch norm normalizes by part.
   */
  encoderBatch: option.integer({
    help: 'Images that go through the encoder at once, for batches whose activations do not fit.',
    ...{ min: 2, absent: 'the batch' },
  }),
  synchronizeNorms: option.flag({
    help: 'Of several processes: batch norm normalizes by the images of all, not of each. They wait for each other at every norm.',
    default: false,
  }),
  compressGradients: option.flag({
    help: 'Of several processes: gradients travel in bfloat16, half the bytes and three digits.',
    default: false,
  }),
  /** Logged as `reencode/...`; the head needs `stalest` and `refreshFrom`, the loader `references`. */
  reencode: option.given<ReencodeOptions>()({
    help: 'Makes the stalest classes in memory anew from reference images: see the next table.',
    absent: 'never',
  }),
  hooks: option.given<Hooks>()({ help: "Functions called at the run's events, and awaited.", default: {} }),
  evaluateEvery: option.integer({
    help: 'Steps between two calls of `hooks.onEvaluate`, which is also called after the last step.',
    ...{ min: 1, absent: 'only then' },
  }),
  loggers: option.given<readonly Logger[]>()({
    help: '`consoleLogger`, `jsonlLogger`, `tensorboardLogger`, or your own.',
    default: [],
  }),
  checkpoints: option.given<CheckpointOptions>()({
    help: 'Where, how often: see the last table.',
    absent: 'none are written',
  }),
  seed: option.integer({ help: "Seeds the encoder's dropout, through the step's number.", min: 0, default: 0 }),
  config: option.given<{ readonly [key: string]: Json }>()({
    help: 'The resolved configuration of the run: saved in checkpoints, compared on resume.',
    default: {},
  }),
};

export type TrainerOptions = OptionsOf<typeof trainerOptions>;

export interface RunResult {
  /** Steps done. */
  readonly step: number;
  /** True when the run ended before its last step. */
  readonly stopped: boolean;
}

export interface Trainer {
  readonly stepsDone: number;
  /** That were trained on in these steps, over all ranks. */
  readonly imagesDone: number;
  /** Images that could not be read, and why, by name; kept over a resume. */
  readonly skipped: ReadonlyMap<string, string>;
  /** Goes on from the newest readable checkpoint. A refused one changes no file. @returns the steps done; 0 when there is no checkpoint. */
  resume(): Promise<number>;
  /** One step. @returns its metrics. */
  step(): Promise<Readonly<Record<string, number>>>;
  /**
   * Steps until all are done, `stop` is called, `signal` aborts or a hook answers `'stop'`. Each way saves a checkpoint,
   * and so does, in a run of one process, an error of the loader's `next` before it is passed on.
   */
  run(options?: { readonly signal?: AbortSignal }): Promise<RunResult>;
  /** Ends a run after the step that is under way. */
  stop(): void;
}
