import {
  type BatchRequest,
  check,
  joinStates,
  type LookAlike,
  type Miner,
  type OptionsOf,
  option,
  ProtomemError,
  part,
  partState,
  type Settings,
  type State,
} from '@protomem/core';
import { DoppelgangerSnapshot, DoppelgangerTable, tableOptions } from './doppelganger-table.ts';
import { expandBatch } from './expand-batch.ts';
import type { Suspect } from './suspects.ts';

const minerOptions = {
  ...tableOptions,
  depth: option.integer({
    help: 'How far a batch grows: 1 adds look-alikes of the identities in it, 2 also theirs.',
    ...{ min: 1, absent: 'as far as there are any' },
  }),
  /**
   * The plan of batch j sees the table as it was after step `lag * (floor(j / lag) - 1)`, between `lag` and `2 lag - 1`
   * steps ago.
   */
  lag: option.integer({
    help: "Batches that may be planned ahead of training, at least the loader's prefetch.",
    ...{ min: 1, default: 8 },
  }),
};

/** Options of {@link createMiner}. */
export interface MinerOptions extends OptionsOf<typeof minerOptions> {}

/**
 * A table and the batches planned from it.
 *
 * Loaders plan batches ahead, so that the same batch is planned earlier or later, by the prefetch and by whether the run
 * was resumed in between. So that it always comes out the same, plans never see the table as it is, but as it was at
 * fixed steps, at least `lag` steps back. A state holds those versions of it that batches to come may still ask for: two.
 */
export class DoppelgangerMiner implements Miner {
  readonly table: DoppelgangerTable;
  private readonly size: number;
  private readonly width: number;
  private readonly depth: number | undefined;
  private readonly lag: number;
  /** The table after steps `lag * (n - 1)` and `lag * n`, where n is the number of full lags so far. */
  private before: DoppelgangerSnapshot | undefined;
  private latest: DoppelgangerSnapshot | undefined;
  private added = 0;

  /** Use {@link createMiner}. */
  constructor({ depth, lag, ...options }: Settings<typeof minerOptions>) {
    this.depth = depth;
    this.lag = lag;
    this.table = new DoppelgangerTable(options);
    this.size = options.rows;
    this.width = options.doppelgangers;
  }

  /** As {@link DoppelgangerTable.observe}: once for each training step, also when it saw nothing. */
  observe(lookAlikes: readonly LookAlike[], gone: readonly number[] = []): void {
    this.table.observe(lookAlikes, gone);
    if (this.table.step % this.lag !== 0) return;
    this.before = this.latest;
    this.latest = this.table.snapshot();
  }

  /**
   * Classes for a batch to come, as {@link expandBatch} adds them; fewer, or none, where the table knows too few. In the
   * first `2 lag` batches there are none.
   *
   * @throws ProtomemError when the batch is planned more than `lag` steps ahead of `observe`, or lies behind it.
   */
  readonly minedClasses = ({ batch, chosen, wanted, random }: BatchRequest): number[] => {
    const version = Math.floor(batch / this.lag) - 1;
    const done = Math.floor(this.table.step / this.lag);
    check(version <= done && version >= done - 1, () => ({
      where: 'DoppelgangerMiner.minedClasses',
      what: 'number of the batch',
      got: batch,
      expected: `between ${done * this.lag} and ${(done + 2) * this.lag - 1}, after ${this.table.step} steps observed`,
      fix: 'Plan no more batches ahead than lag, and observe each step once.',
    }));
    const table = version === done ? this.latest : this.before;
    if (!table) return [];
    const { depth } = this;
    const added = expandBatch({ chosen, wanted, doppelgangersOf: (id) => table.doppelgangersOf(id), random, depth });
    this.added = added.length;
    return added;
  };

  /** Pairs that may be one person, the most alike first. */
  suspects(): Suspect[] {
    return this.table.suspects();
  }

  /** Identities that have a row, suspected pairs, and classes that the batch planned last got from the table. */
  metrics(): Readonly<Record<string, number>> {
    return { rows: this.table.occupied, suspects: this.table.suspects().length, added: this.added };
  }

  state(): State {
    return joinStates({
      miner: { values: { lag: this.lag }, tensors: {} },
      table: this.table.state(),
      ...(this.before && { before: this.before.state() }),
      ...(this.latest && { latest: this.latest.state() }),
    });
  }

  restore(state: State): void {
    const where = 'DoppelgangerMiner.restore';
    const lag = partState(state, 'miner')?.values.lag;
    if (lag !== this.lag) {
      throw new ProtomemError({
        where,
        what: 'lag of the saved state',
        got: lag,
        expected: `${this.lag}, as this miner was made`,
        fix: 'Resume with the options that the run was started with.',
      });
    }
    const version = (name: string): DoppelgangerSnapshot | undefined => {
      const saved = partState(state, name);
      return saved && DoppelgangerSnapshot.restore(where, this.size, this.width, saved);
    };
    const [before, latest] = [version('before'), version('latest')];
    this.table.restore(partState(state, 'table') ?? { values: {}, tensors: {} });
    this.before = before;
    this.latest = latest;
  }
}

/**
 * Makes a miner: feed it what each training step saw, and give its `minedClasses` to a sampler.
 *
 * @throws ProtomemError when an option is out of its range.
 *
 * @example
 * ```ts
 * const miner = createMiner({ rows: memory.size, lag: 8 });
 * const sampler = plannedClasses({ source, classes: 32, images: 4, randomClasses: 10, minedClasses: miner.minedClasses });
 * const loader = createLoader({ source, sampler, height: 112, width: 112, prefetch: 4 });
 * // after each step
 * miner.observe(memory.lastLookAlikes(), memory.lastEvicted());
 * ```
 */
export const createMiner = part(
  'createMiner',
  minerOptions,
  (options): DoppelgangerMiner => new DoppelgangerMiner(options),
);
