import {
  type BatchRequest,
  check,
  type ImageRequest,
  integer,
  joinStates,
  type LookAlike,
  type Miner,
  type OptionsOf,
  option,
  part,
  partState,
  type Settings,
  type State,
} from '@protomem/core';
import {
  checkPlaces,
  DoppelgangerSnapshot,
  DoppelgangerTable,
  suspiciousAbove,
  tableOptions,
} from './doppelganger-table.ts';
import { companionRules, expandBatch } from './expand-batch.ts';
import { type Doppelganger, LookAlikeRows } from './look-alike-rows.ts';
import type { Suspect } from './suspects.ts';

const minerOptions = {
  ...tableOptions,
  companions: option.choice(companionRules, {
    help: 'How a batch gets its look-alikes: pairs, or clusters that grow by the look-alikes of look-alikes.',
    default: 'doppelgangers',
  }),
  images: option.integer({
    help: 'Images kept for each identity, those seen nearest to another class, for `minedImages`.',
    ...{ min: 0, max: 1024, default: 0 },
  }),
  /**
   * The plan of batch j sees the table as it was after step `lag * (floor(j / lag) - 1)`, between `lag` and `2 lag - 1`
   * steps ago.
   */
  lag: option.integer({
    help: "Batches that may be planned ahead of training, at least the loader's prefetch.",
    ...{ min: 1, default: 4 },
  }),
};

/** Options of {@link createMiner}. */
export interface MinerOptions extends OptionsOf<typeof minerOptions> {}

/** Classes out of the memory that are tried for each place that no look-alike of the chosen takes. */
const TRIES = 8;

/** What was known at some step. */
interface Version {
  readonly table: DoppelgangerSnapshot;
  readonly images: LookAlikeRows;
}

/**
 * A table and the batches planned from it.
 *
 * Loaders plan batches ahead, so that the same batch is planned earlier or later, by the prefetch and by whether the run
 * was resumed in between. So that it always comes out the same, plans never see the table as it is, but as it was at
 * fixed steps, at least `lag` steps back. A state holds those versions of it that batches to come may still ask for: two.
 */
export class DoppelgangerMiner implements Miner {
  readonly table: DoppelgangerTable;
  private readonly settings: Settings<typeof minerOptions>;
  /** Images of each identity in the place of doppelgangers. */
  private images: LookAlikeRows;
  /** What was known after steps `lag * (n - 1)` and `lag * n`, where n is the number of full lags so far. */
  private before: Version | undefined;
  private latest: Version | undefined;
  private added = 0;
  private paired = 0;

  /** Use {@link createMiner}. */
  constructor(settings: Settings<typeof minerOptions>) {
    this.settings = { ...settings, duplicateAbove: suspiciousAbove(settings.duplicateAbove) };
    this.table = new DoppelgangerTable(this.settings);
    this.images = this.emptyImages();
  }

  /**
   * As {@link DoppelgangerTable.observe}: once for each training step, also when it saw nothing.
   *
   * @param images which of its identity's images each sample of the batch is, for `minedImages`
   */
  observe(lookAlikes: readonly LookAlike[], gone: readonly number[] = [], images?: ArrayLike<number>): void {
    this.table.observe(lookAlikes, gone);
    if (this.settings.images > 0) {
      check(images !== undefined, () => ({
        where: 'DoppelgangerMiner.observe',
        what: 'images',
        got: 'missing',
        expected: 'which image of its identity each sample of the batch is',
        fix: 'Pass those of the batch, or make the miner without the option images.',
      }));
      this.noteImages(lookAlikes, images);
    }
    for (const id of gone) this.images.forget(id);
    if (this.table.step % this.settings.lag !== 0) return;
    this.before = this.latest;
    this.latest = { table: this.table.snapshot(), images: this.images.copy() };
  }

  /**
   * Classes for a batch to come, all of them in memory as far as the table knows: look-alikes of those chosen, as
   * {@link expandBatch} adds them; where these are too few, as when the batch opens a group that nobody has seen yet,
   * classes out of the memory together with look-alikes of theirs. In the first `2 lag` batches there are none.
   *
   * @throws ProtomemError when the batch is planned more than `lag` steps ahead of `observe`, or lies behind it.
   */
  readonly minedClasses = ({ batch, chosen, wanted, random }: BatchRequest): number[] => {
    const table = this.versionFor('minedClasses', batch)?.table;
    if (!table) return [];
    const { companions } = this.settings;
    const doppelgangersOf = (id: number): Doppelganger[] => table.presentDoppelgangersOf(id);
    const added = expandBatch({ chosen, wanted, doppelgangersOf, random, companions });
    this.paired = added.length;
    const taken = new Set([...chosen, ...added]);
    // A cluster out of the memory is as large as those of the chosen were to be.
    const cluster = companions === 'doppelgangers' ? 2 : Math.max(2, Math.round(1 + wanted / chosen.length));
    for (let i = 0; i < TRIES * wanted && added.length < wanted && table.ids.length > 0; i++) {
      const id = table.ids[random.below(table.ids.length)]!;
      if (taken.has(id)) continue;
      const room = Math.min(cluster, wanted - added.length) - 1;
      const brought = expandBatch({ chosen: [id], wanted: room, doppelgangersOf, random, companions, taken });
      // Nobody comes without a look-alike in the batch.
      if (brought.length === 0 && !doppelgangersOf(id).some((lookAlike) => taken.has(lookAlike.id))) continue;
      for (const one of [id, ...brought]) taken.add(one);
      added.push(id, ...brought);
    }
    this.added = added.length;
    return added;
  };

  /**
   * The images of an identity that were seen nearest to the prototype of another class, within `expireAfter` steps, the nearest
   * first; none of an identity that is not in memory, or whose images nobody saw.
   *
   * Source: Smirnov et al., "Hard Example Mining with Auxiliary Embeddings for Face Representation Learning" (CVPRW 2018),
   * whose abstract says that examples within a class are chosen by their similarity with those already selected. Here
   * the cosine is the loss's own, to the rival's prototype, as it was when the image was last in a batch.
   *
   * @throws ProtomemError as {@link minedClasses} does
   */
  readonly minedImages = ({ batch, identity, wanted }: ImageRequest): number[] => {
    const version = this.versionFor('minedImages', batch);
    const known = version?.images.of(identity).filter(({ step }) => step >= version.table.fresh) ?? [];
    return known
      .sort((x, y) => y.cosine - x.cosine || x.id - y.id)
      .slice(0, wanted)
      .map((image) => image.id);
  };

  /** Pairs that may be one person, the most alike first. */
  suspects(): Suspect[] {
    return this.table.suspects();
  }

  /**
   * Identities that have a row, suspected pairs; of the batch planned last, the classes `added` from the memory, and
   * how many of them are look-alikes of its other classes (`paired`).
   */
  metrics(): Readonly<Record<string, number>> {
    const { added, paired } = this;
    return { rows: this.table.occupied, suspects: this.table.suspects().length, added, paired };
  }

  state(): State {
    const versions = { before: this.before, latest: this.latest };
    const saved = Object.entries(versions).flatMap(([name, version]): [string, State][] =>
      version
        ? [
            [name, version.table.state()],
            [`${name}Images`, version.images.state()],
          ]
        : [],
    );
    return joinStates({
      miner: { values: { lag: this.settings.lag }, tensors: {} },
      table: this.table.state(),
      images: this.images.state(),
      ...Object.fromEntries(saved),
    });
  }

  /** @throws ProtomemError, and changes nothing, when the state is damaged or of a miner with other options. */
  restore(state: State): void {
    const where = 'DoppelgangerMiner.restore';
    const { rows, doppelgangers } = this.settings;
    const lag = partState(state, 'miner')?.values.lag;
    check(lag === this.settings.lag, () => ({
      where,
      what: 'lag of the saved state',
      got: lag,
      expected: `${this.settings.lag}, as this miner was made`,
      fix: 'Resume with the options that the run was started with.',
    }));
    // States of earlier releases have no images.
    const imagesOf = (name: string): LookAlikeRows => {
      const [images, saved] = [this.emptyImages(), partState(state, name)];
      if (saved) images.restore(where, saved);
      return images;
    };
    const version = (name: string): Version | undefined => {
      const saved = partState(state, name);
      if (!saved) return undefined;
      const table = DoppelgangerSnapshot.restore(where, rows, doppelgangers, saved);
      return { table, images: imagesOf(`${name}Images`) };
    };
    const [before, latest, images] = [version('before'), version('latest'), imagesOf('images')];
    this.table.restore(partState(state, 'table') ?? { values: {}, tensors: {} });
    this.before = before;
    this.latest = latest;
    this.images = images;
  }

  /** What the plan of a batch may know; nothing, in the first of them. */
  private versionFor(name: string, batch: number): Version | undefined {
    const { lag } = this.settings;
    const version = Math.floor(batch / lag) - 1;
    const done = Math.floor(this.table.step / lag);
    check(version <= done && version >= done - 1, () => ({
      where: `DoppelgangerMiner.${name}`,
      what: 'number of the batch',
      got: batch,
      expected: `between ${done * lag} and ${(done + 2) * lag - 1}, after ${this.table.step} steps observed`,
      fix: 'Plan no more batches ahead than lag, and observe each step once.',
    }));
    return version === done ? this.latest : this.before;
  }

  /** Notes how near each image came to another class; one too near may show that class, and is not asked for again. */
  private noteImages(lookAlikes: readonly LookAlike[], images: ArrayLike<number>): void {
    const { expireAfter = Number.POSITIVE_INFINITY, duplicateAbove } = this.settings;
    const { step } = this.table;
    for (const { id, sample, cosine } of lookAlikes.toSorted((x, y) => x.cosine - y.cosine)) {
      const image = sample === undefined ? undefined : images[sample];
      if (image === undefined) continue;
      if (cosine > duplicateAbove) this.images.drop(id, image);
      else this.images.put(id, { id: image, cosine, step }, step - expireAfter);
    }
  }

  private emptyImages(): LookAlikeRows {
    const { rows, images } = this.settings;
    return new LookAlikeRows(images > 0 ? rows : 0, images);
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
 * const { minedClasses } = miner;
 * const sampler = groupIterateAndShuffle({ source, groupSize: memory.size, classes: 32, images: 4, randomClasses: 16, minedClasses });
 * const loader = createLoader({ source, sampler, height: 112, width: 112, prefetch: 4 });
 * // after each step
 * miner.observe(memory.lastLookAlikes(), memory.lastEvicted(), batch.images);
 * ```
 */
export const createMiner = part(
  'createMiner',
  minerOptions,
  (options): DoppelgangerMiner => new DoppelgangerMiner(options),
  (options) => {
    integer('createMiner', 'rows x images', options.rows * options.images, 0, 2 ** 31 - 1);
    checkPlaces('createMiner', options);
  },
);
