import {
  check,
  integer,
  joinStates,
  type LookAlike,
  type OptionsOf,
  option,
  part,
  partState,
  type Settings,
  type State,
  type Stateful,
} from '@protomem/core';
import { type Doppelganger, LookAlikeRows } from './look-alike-rows.ts';
import { type Suspect, Suspects } from './suspects.ts';

export const tableOptions = {
  rows: option.integer({
    help: 'Identities that have a row at once: M, the slots of the memory that feeds the table.',
    ...{ min: 1, max: 2 ** 31 - 1 },
  }),
  doppelgangers: option.integer({ help: 'Look-alikes kept for each identity.', min: 1, max: 1024, default: 4 }),
  expireAfter: option.integer({
    help: 'Steps for which a pair counts after it was last seen.',
    ...{ min: 0, absent: 'for ever' },
  }),
  /** 1 suspects nobody. */
  duplicateAbove: option.number({
    help: 'Cosine above which two may be one person: no look-alikes then, but listed as suspects.',
    ...{ min: -1, max: 1, default: 0.7 },
  }),
  suspects: option.integer({
    help: 'Suspected pairs kept; the one seen longest ago makes room.',
    ...{ min: 0, default: 256 },
  }),
};

/** The cosine above which somebody is suspected, of the option: rounding makes cosines that are a hair above 1, too. */
export const suspiciousAbove = (duplicateAbove: number): number =>
  duplicateAbove === 1 ? Number.POSITIVE_INFINITY : duplicateAbove;

/** Options of {@link createDoppelgangerTable}. */
export interface DoppelgangerTableOptions extends OptionsOf<typeof tableOptions> {}

const EMPTY: State = { values: {}, tensors: {} };

/**
 * Who looks like whom, from pairs that somebody sees anyway: the cosines of a training loss, or a matrix of similarities.
 * A pair is noted for both, with the cosine that was seen last. Bytes held: 24 for each of rows x doppelgangers places.
 *
 * Source: Smirnov et al., "Doppelganger Mining for Face Representation Learning" (ICCVW 2017), which keeps a list of the
 * most similar identities for each of all identities; here there are as many rows as the memory has slots.
 */
export class DoppelgangerTable implements Stateful {
  private rows: LookAlikeRows;
  private suspected: Suspects;
  private readonly expireAfter: number;
  private readonly duplicateAbove: number;
  private clock = 0;

  /** Use {@link createDoppelgangerTable}. */
  constructor({ rows, doppelgangers, expireAfter, duplicateAbove, suspects }: Settings<typeof tableOptions>) {
    this.rows = new LookAlikeRows(rows, doppelgangers);
    this.suspected = new Suspects(suspects);
    this.expireAfter = expireAfter ?? Number.POSITIVE_INFINITY;
    this.duplicateAbove = duplicateAbove;
  }

  /** Steps observed. */
  get step(): number {
    return this.clock;
  }

  /** Identities that have a row. */
  get occupied(): number {
    return this.rows.occupied;
  }

  /**
   * One step: notes who was like whom, then forgets who left.
   *
   * @param lookAlikes in any order; of one pair, the most alike counts
   * @param gone identities whose rows go, as the classes that a memory evicted
   * @throws ProtomemError, and changes nothing, when an id is none or a cosine not finite
   */
  observe(lookAlikes: readonly LookAlike[], gone: readonly number[] = []): void {
    for (const [i, lookAlike] of lookAlikes.entries()) checkLookAlike(lookAlike, i);
    const step = ++this.clock;
    const fresh = step - this.expireAfter;
    // The most alike last: it is what stays.
    for (const { id, lookAlike, cosine } of lookAlikes.toSorted((x, y) => x.cosine - y.cosine)) {
      const [a, b] = id < lookAlike ? [id, lookAlike] : [lookAlike, id];
      if (cosine > this.duplicateAbove) {
        this.rows.drop(a, b);
        this.rows.drop(b, a);
        this.suspected.add({ a, b, cosine, step });
      } else {
        this.suspected.clear(a, b);
        this.rows.put(a, { id: b, cosine, step }, fresh);
        this.rows.put(b, { id: a, cosine, step }, fresh);
      }
    }
    for (const id of gone) this.rows.forget(id);
  }

  /** The identities most like one, the most alike first, without those seen too long ago; at most k. */
  doppelgangersOf(id: number): Doppelganger[] {
    return freshest(this.rows, id, this.clock - this.expireAfter);
  }

  /** Pairs that may be one person and were seen within `expireAfter` steps, the most alike first. */
  suspects(): Suspect[] {
    return this.suspected.list(this.clock - this.expireAfter);
  }

  /** The doppelgangers as of now, for good. */
  snapshot(): DoppelgangerSnapshot {
    return new DoppelgangerSnapshot(this.rows.copy(), this.clock - this.expireAfter);
  }

  state(): State {
    return joinStates({
      table: { values: { step: this.clock }, tensors: {} },
      rows: this.rows.state(),
      suspects: this.suspected.state(),
    });
  }

  /**
   * Takes over a state, exactly; of more identities than there are rows, those seen last.
   *
   * @throws ProtomemError, and changes nothing, when the state is damaged or of a table with another `doppelgangers`.
   */
  restore(state: State): void {
    const where = 'DoppelgangerTable.restore';
    const step = integer(where, 'step', partState(state, 'table')?.values.step as number, 0);
    const rows = new LookAlikeRows(this.rows.size, this.rows.width);
    rows.restore(where, partState(state, 'rows') ?? EMPTY);
    const suspected = new Suspects(this.suspected.limit);
    suspected.restore(where, partState(state, 'suspects') ?? EMPTY);
    this.rows = rows;
    this.suspected = suspected;
    this.clock = step;
  }
}

/** A table as it was at some step. */
export class DoppelgangerSnapshot {
  private readonly rows: LookAlikeRows;
  /** The step since which a look-alike counts. */
  readonly fresh: number;
  /** Identities that had a row, the one written to longest ago first. */
  readonly ids: readonly number[];

  /** Use {@link DoppelgangerTable.snapshot}. */
  constructor(rows: LookAlikeRows, fresh: number) {
    this.rows = rows;
    this.fresh = fresh;
    this.ids = rows.ids();
  }

  /** As {@link DoppelgangerTable.doppelgangersOf}, of those that have a row themselves: whoever left the memory has none. */
  presentDoppelgangersOf(id: number): Doppelganger[] {
    return freshest(this.rows, id, this.fresh).filter((lookAlike) => this.rows.has(lookAlike.id));
  }

  state(): State {
    const { values, tensors } = this.rows.state();
    // JSON has no -Infinity.
    return { values: { ...values, fresh: Number.isFinite(this.fresh) ? this.fresh : null }, tensors };
  }

  /** @param size as the table's `rows`. */
  static restore(where: string, size: number, width: number, state: State): DoppelgangerSnapshot {
    const rows = new LookAlikeRows(size, width);
    rows.restore(where, state);
    return new DoppelgangerSnapshot(rows, (state.values.fresh as number | null) ?? Number.NEGATIVE_INFINITY);
  }
}

function freshest(rows: LookAlikeRows, id: number, since: number): Doppelganger[] {
  // Ties by id, so that the order does not hang on the places that doppelgangers happen to have.
  return rows
    .of(id)
    .filter(({ step }) => step >= since)
    .sort((x, y) => y.cosine - x.cosine || x.id - y.id);
}

function checkLookAlike({ id, lookAlike, cosine }: LookAlike, i: number): void {
  check(
    Number.isSafeInteger(id) && id >= 0 && Number.isSafeInteger(lookAlike) && lookAlike >= 0 && id !== lookAlike,
    () => ({
      where: 'DoppelgangerTable.observe',
      what: `ids of look-alike ${i}`,
      got: [id, lookAlike],
      expected: 'two different integers in [0, 2^53)',
    }),
  );
  check(Number.isFinite(cosine), () => ({
    where: 'DoppelgangerTable.observe',
    what: `cosine of look-alike ${i}`,
    got: cosine,
    expected: 'a finite number',
  }));
}

/**
 * Makes an empty table.
 *
 * @throws ProtomemError when an option is out of its range.
 *
 * @example
 * ```ts
 * const table = createDoppelgangerTable({ rows: 1000 });
 * table.observe([{ id: 7, lookAlike: 3, cosine: 0.4 }, { id: 7, lookAlike: 5, cosine: 0.9 }]);
 * table.doppelgangersOf(3); // [{ id: 7, cosine: 0.4, step: 1 }]
 * table.suspects(); // [{ a: 5, b: 7, cosine: 0.9, step: 1 }]
 * ```
 */
export const createDoppelgangerTable = part(
  'createDoppelgangerTable',
  tableOptions,
  (options): DoppelgangerTable =>
    new DoppelgangerTable({ ...options, duplicateAbove: suspiciousAbove(options.duplicateAbove) }),
  (options) => checkPlaces('createDoppelgangerTable', options),
);

/** @internal Refuses more places than one array has. */
export function checkPlaces(where: string, { rows, doppelgangers }: Settings<typeof tableOptions>): void {
  integer(where, 'rows x doppelgangers', rows * doppelgangers, 1, 2 ** 31 - 1);
}
