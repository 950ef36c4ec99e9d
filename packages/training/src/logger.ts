import type { RecipeChange } from './recipe.ts';

/** What a logger is told when a run starts or goes on. */
export interface RunInfo {
  /** Steps done already: 0, or those of the checkpoint that the run goes on from. Whatever was logged of later steps is void. */
  readonly step: number;
  /** Steps in all. */
  readonly steps: number;
  readonly batchSize: number;
  /** May be Infinity. */
  readonly batchesPerEpoch: number;
}

/** Numbers whose spread matters, such as the ages of prototypes. */
export interface Distribution {
  /** Those that are not finite are left out. */
  readonly values: ArrayLike<number>;
  /** How often each value stands for itself. Default: once. */
  readonly counts?: ArrayLike<number>;
}

/** A picture as its file has it. */
export interface LoggedImage {
  /** PNG or JPEG, RGB. */
  readonly bytes: Uint8Array;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

/** What a precision-recall curve is drawn from. */
export interface ScoredPairs {
  /** Cosines. */
  readonly scores: ArrayLike<number>;
  /** 1 where the pair is of one person, else 0. */
  readonly labels: ArrayLike<number>;
}

/** Where a run's numbers go. Metric names are `group/name`. */
export interface Logger {
  start?(info: RunInfo): void | Promise<void>;
  /** @param step steps done, from 1. */
  log(metrics: Readonly<Record<string, number>>, step: number): void;
  /** For loggers that can show them; so are the next two. Names are `group/name`. */
  histograms?(distributions: Readonly<Record<string, Distribution>>, step: number): void;
  images?(images: Readonly<Record<string, LoggedImage>>, step: number): void;
  /** Precision against recall. */
  curves?(curves: Readonly<Record<string, ScoredPairs>>, step: number): void;
  /**
   * What a resumed run does otherwise from here on.
   *
   * @param step that it goes on from.
   */
  changes?(changes: readonly RecipeChange[], step: number): void;
  /** A sentence for a person. */
  message?(text: string): void;
  close(): void | Promise<void>;
}
