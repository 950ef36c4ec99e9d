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

/** Where a run's numbers go. Metric names are `group/name`. */
export interface Logger {
  start?(info: RunInfo): void | Promise<void>;
  /** @param step steps done, from 1. */
  log(metrics: Readonly<Record<string, number>>, step: number): void;
  /** A sentence for a person. */
  message?(text: string): void;
  close(): void | Promise<void>;
}
