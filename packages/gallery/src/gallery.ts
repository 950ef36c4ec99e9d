import {
  check,
  type OptionsOf,
  option,
  ProtomemError,
  readOptions,
  readTfRecords,
  type Settings,
} from '@protomem/core';
import { type ApproximateIndex, approximateIndex, type MatrixProduct, nearestNeighbors } from '@protomem/evaluation';
import {
  type Answer,
  answerOf,
  type Calibration,
  checkCalibration,
  type Thresholds,
  thresholdsFor,
} from './calibration.ts';
import {
  decodeEntry,
  decodeHeader,
  type Entry,
  encodeEntry,
  encodeHeader,
  type Header,
  MOST_BYTES,
  type ModelIdentity,
} from './format.ts';
import { type RowOwner, Rows } from './rows.ts';
import type { GalleryStorage } from './storage.ts';

const templates = ['mean', 'best'] as const;

export const galleryOptions = {
  model: option.given<ModelIdentity>()({
    help: 'The encoder whose embeddings are kept: a gallery of another one is refused.',
    absent: 'any; a new gallery needs it',
  }),
  width: option.integer({
    help: 'Numbers of an embedding.',
    ...{ min: 1, max: 65_536 },
    absent: 'as the gallery says; a new one needs it',
  }),
  template: option.choice(templates, {
    help: "In a new gallery, whether a face is compared with the mean of a person's images or with the most alike of them.",
    absent: '`mean`; else as the gallery says',
  }),
  product: option.given<MatrixProduct>()({
    help: 'Dot products by something faster, such as a tensor library.',
    absent: 'plain JavaScript',
  }),
  approximateFrom: option.integer({
    help: 'From so many vectors on, search in a graph of neighbours (`usearch`), made at the first search.',
    min: 1,
    absent: 'never: exact search',
  }),
};

/** How to open a gallery. */
export type GalleryOptions = OptionsOf<typeof galleryOptions>;

const judgeOptions = {
  template: option.choice(templates, {
    help: "Compare with the mean of a person's images, or with the most alike of them.",
    absent: 'as the gallery says',
  }),
  far: option.number({
    help: 'Share of strangers that may be called the same as anybody in the gallery.',
    ...{ min: 1e-9, max: 1, default: 0.001 },
  }),
  doubt: option.number({
    help: 'Share of strangers that may be left in doubt: the others get "no".',
    ...{ min: 1e-9, max: 1, default: 0.05 },
  }),
  calibration: option.given<Calibration>()({ help: 'What answers come from.', absent: "the gallery's own" }),
};

export const identifyOptions = {
  top: option.integer({ help: 'People to name, the most alike first.', min: 1, max: 1000, default: 5 }),
  ...judgeOptions,
};

export type IdentifyOptions = OptionsOf<typeof identifyOptions>;

/** Images of one person. */
export interface Enrolment {
  /** Name or id, which tells people apart. */
  readonly person: string;
  readonly images: readonly {
    /** Tells images of a person apart, such as a file's name: one that is there is replaced. Default: none is, and its number is its name. */
    readonly image?: string;
    /** Of the gallery's width, of any length but 0. */
    readonly embedding: ArrayLike<number>;
  }[];
}

/** What became of enrolled images. */
export interface Enrolled {
  readonly added: number;
  /** In the place of one of the same name. */
  readonly replaced: number;
  /** There already, with the same embedding: nothing was written. */
  readonly unchanged: number;
}

/** Somebody in the gallery who may be the one that is asked for. */
export interface Candidate {
  readonly person: string;
  /** Cosine, -1 ... 1. */
  readonly score: number;
  /** Absent where the gallery has no calibration. */
  readonly answer?: Answer;
}

/** What a search found. */
export interface Identified {
  /** For each query, the most alike people, the most alike first. */
  readonly results: readonly (readonly Candidate[])[];
  /** What the answers mean; absent where the gallery has no calibration. */
  readonly thresholds?: Thresholds;
}

/** Somebody in the gallery. */
export interface Person {
  readonly person: string;
  readonly images: readonly string[];
}

/** Known people and their embeddings. Calls may overlap: they are carried out one after the other. */
export interface Gallery {
  readonly name: string;
  readonly width: number;
  readonly model: ModelIdentity;
  readonly template: 'mean' | 'best';
  readonly people: number;
  readonly images: number;
  /** Bytes of memory that vectors take, without an approximate index. */
  readonly vectorBytes: number;
  readonly calibration: Calibration | undefined;
  /** What opening found that has to be said, a line each. */
  readonly notes: readonly string[];
  /**
   * Adds images. They are safe when this resolves; should the process be killed before, each person has all of these images
   * or none.
   */
  enrol(people: readonly Enrolment[]): Promise<Enrolled>;
  /** Who is most alike. @param queries `[n, width]`, of any length but 0. */
  identify(queries: Float32Array, options?: IdentifyOptions): Promise<Identified>;
  /** Whether faces are those of one person: `results` has one candidate a query. @param queries `[n, width]`. */
  verify(person: string, queries: Float32Array, options?: OptionsOf<typeof judgeOptions>): Promise<Identified>;
  /**
   * Removes a person, or one image; the last image takes the person along. Their vectors are in the storage until
   * {@link compact}.
   *
   * @returns the number of images removed.
   */
  remove(person: string, image?: string): Promise<number>;
  /** In the order of enrolment. */
  list(): readonly Person[];
  find(person: string): Person | undefined;
  /** Keeps what a test says about cosines, which answers come from. */
  calibrate(calibration: Calibration): Promise<void>;
  /** Writes the gallery anew, without what was removed or replaced: nothing happens where nothing was. */
  compact(): Promise<void>;
  /** Compacts, and lets go of the storage. */
  close(): Promise<void>;
}

interface Member {
  readonly person: string;
  readonly images: Map<string, Image>;
  /** The row of the mean, in the table of means. */
  row: number;
}
interface Image extends RowOwner {
  readonly member: Member;
  readonly image: string;
}

/**
 * Opens a gallery, and makes one where the storage is empty.
 *
 * @param storage such as `fileStorage` of `@protomem/gallery/node`, or `memoryStorage()`; the gallery closes it.
 * @throws ProtomemError when the gallery is damaged, or of another encoder: both are named.
 *
 * @example
 * ```ts
 * const gallery = await openGallery(memoryStorage(), { width: 512, model: { name: 'mine', fingerprint: 'a1' } });
 * await gallery.enrol([{ person: 'Ada', images: [{ embedding }] }]);
 * const { results } = await gallery.identify(query, { top: 3 });
 * ```
 */
export async function openGallery(storage: GalleryStorage, options: GalleryOptions = {}): Promise<Gallery> {
  try {
    const settings = readOptions('openGallery', galleryOptions, options);
    const { name } = storage;
    const { model, width, template, ...search } = settings;
    const notes: string[] = [];
    let state = await load(storage, notes);
    if (state) refuseAnother(name, state.header, { model, width, template });
    else {
      check(model !== undefined && width !== undefined && !storage.readOnly, () => ({
        where: 'openGallery',
        what: name,
        got: 'missing or empty',
        expected: 'a gallery',
        fix: 'Enrol somebody first.',
      }));
      state = new State({ width, model, template: template ?? 'mean' });
      await storage.replace(state.encoded());
    }
    if (state.outdated && !storage.readOnly) await rewrite(storage, state);
    return makeGallery(storage, state, notes, search);
  } catch (error) {
    await storage.close();
    throw error;
  }
}

/** Everybody in a storage; undefined where nothing is. */
async function load(storage: GalleryStorage, notes: string[]): Promise<State | undefined> {
  const { name, readOnly } = storage;
  let state: State | undefined;
  const refuse = (cause?: unknown): never => {
    const fix = 'It is another file, or damaged: name another one, or use a copy.';
    throw new ProtomemError(
      { where: 'openGallery', what: name, got: 'something else', expected: 'a gallery', fix },
      { cause },
    );
  };
  try {
    for await (const { bytes, offset, length } of readTfRecords(storage.read(), name, MOST_BYTES)) {
      if (bytes && state) state.apply(decodeEntry(bytes, name, offset, state.header.width));
      else if (bytes) state = new State(decodeHeader(bytes, name));
      else if (state) {
        const why = readOnly
          ? 'a write is under way, or was cut off'
          : 'a write was cut off, and never said to be done';
        notes.push(`${name}: the last ${length} bytes are no whole record: ${why}; they are left out`);
        // What is enrolled next must not stand behind them.
        state.outdated = true;
      } else refuse();
    }
  } catch (error) {
    if (state || !(error instanceof ProtomemError) || error.parts.what === 'its format') throw error;
    refuse(error);
  }
  return state;
}

async function rewrite(storage: GalleryStorage, state: State): Promise<void> {
  await storage.replace(state.encoded());
  state.outdated = false;
}

function refuseAnother(name: string, found: Header, { model, width, template }: GalleryOptions): void {
  const refuse = (what: string, got: unknown, expected: string, fix: string): never => {
    throw new ProtomemError({ where: name, what, got, expected, fix });
  };
  const other = model !== undefined && model.fingerprint !== found.model.fingerprint;
  const words = ({ name, fingerprint }: ModelIdentity): string => `${name} (${fingerprint})`;
  if (other) {
    const fix =
      'Embeddings of two encoders cannot be compared: name that model, or enrol everybody into a new gallery.';
    refuse('the model', words(model), `${words(found.model)}, whose embeddings the gallery holds`, fix);
  }
  if (width !== undefined && width !== found.width) {
    refuse('width', width, `${found.width}, which the gallery has`, 'Name the model that the gallery was made with.');
  }
  if (template !== undefined && template !== found.template) {
    const fix = 'It is chosen when a gallery is made; `identify` may take another one each time.';
    refuse('template', template, `${found.template}, which the gallery has`, fix);
  }
}

/** Everybody, in memory. */
class State {
  readonly header: Header;
  readonly members = new Map<string, Member>();
  readonly images: Rows<Image>;
  /** The mean of each person's images, of length 1; made when it is asked for and differs from the images. */
  means: Rows<Member> | undefined;
  calibration: Calibration | undefined;
  /** Whether the storage has bytes that are no longer wanted. */
  outdated = false;

  constructor(header: Header) {
    this.header = header;
    this.images = new Rows(header.width);
  }

  apply(entry: Entry): void {
    if (entry.kind === 'calibrate') {
      checkCalibration(entry.calibration, entry.calibration.source);
      if (this.calibration) this.outdated = true;
      this.calibration = entry.calibration;
    } else if (entry.kind === 'remove') {
      this.#remove(entry.person, entry.image);
      this.outdated = true;
    } else this.#enrol(entry);
  }

  #enrol({ person, images, vectors }: Entry & { kind: 'enrol' }): void {
    const { width } = this.header;
    const member = this.members.get(person) ?? { person, images: new Map(), row: -1 };
    this.members.set(person, member);
    for (const [i, image] of images.entries()) {
      const known = member.images.get(image);
      if (known) this.outdated = true;
      const owner = known ?? { member, image, row: -1 };
      member.images.set(image, owner);
      this.images.put(owner, vectors.subarray(i * width, (i + 1) * width));
    }
    this.#refresh(member);
  }

  #remove(person: string, image: string | undefined): void {
    const member = this.members.get(person);
    for (const owner of image === undefined ? [...(member?.images.values() ?? [])] : [member?.images.get(image)]) {
      if (!owner) continue;
      this.images.remove(owner);
      member!.images.delete(owner.image);
    }
    if (!member) return;
    if (member.images.size > 0) this.#refresh(member);
    else {
      this.members.delete(person);
      if (member.row >= 0) this.means!.remove(member);
    }
  }

  /** What faces are compared with. Where each person has one image, it is the mean. */
  rows(template: 'mean' | 'best'): Rows<Image> | Rows<Member> {
    if (template === 'best' || this.images.length === this.members.size) return this.images;
    if (!this.means) {
      this.means = new Rows(this.header.width);
      for (const member of this.members.values()) this.#refresh(member);
    }
    return this.means;
  }

  #refresh(member: Member): void {
    if (!this.means) return;
    const mean = new Float32Array(this.header.width);
    for (const image of member.images.values()) {
      const vector = this.images.of(image);
      for (let i = 0; i < mean.length; i++) mean[i]! += vector[i]!;
    }
    this.means.put(member, unit(mean) ?? this.images.of(member.images.values().next().value!));
  }

  /** The whole gallery, without what is gone. */
  *encoded(): Generator<Uint8Array> {
    yield encodeHeader(this.header);
    if (this.calibration) yield encodeEntry({ kind: 'calibrate', calibration: this.calibration });
    const { width } = this.header;
    for (const { person, images } of this.members.values()) {
      const vectors = new Float32Array(images.size * width);
      for (const [i, image] of [...images.values()].entries()) vectors.set(this.images.of(image), i * width);
      yield encodeEntry({ kind: 'enrol', person, images: [...images.keys()], vectors });
    }
  }
}

/** A vector divided by its length; undefined where it has none. */
function unit(vector: ArrayLike<number>): Float32Array | undefined {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i]! ** 2;
  const length = Math.sqrt(sum);
  return length > 1e-12 && Number.isFinite(length) ? Float32Array.from(vector, (value) => value / length) : undefined;
}

function unitOf(vector: ArrayLike<number>, width: number, what: string): Float32Array {
  check(vector.length === width, () => ({
    where: 'gallery',
    what: `the embedding of ${what}`,
    got: `${vector.length} numbers`,
    expected: `${width}, the gallery's width`,
  }));
  const found = unit(vector);
  check(found !== undefined, () => ({
    where: 'gallery',
    what: `the embedding of ${what}`,
    got: 'zeros, or not finite',
    expected: 'finite numbers that are not all 0',
    fix: 'The encoder returned no direction for this image.',
  }));
  return found;
}

/** Names are written on one line of a terminal, and kept whole in the file. */
function checkName(what: string, name: unknown): asserts name is string {
  check(typeof name === 'string' && name !== '' && name.length <= 4096 && !/\p{Cs}/u.test(name), () => ({
    where: 'gallery',
    what,
    got: name,
    expected: 'text of 1 to 4096 characters',
  }));
}

type Search = Pick<GalleryOptions, 'product' | 'approximateFrom'>;

/** Candidates of the approximate index that are compared exactly, for each one that is wanted. */
const WIDER = 4;
/** Candidates that it looks at: four times usearch's own number, for a person missed costs more than a millisecond. */
const EXPANSION = 256;

/** Rows most alike to each query, whose scores are exact. */
async function nearest<T extends RowOwner>(rows: Rows<T>, queries: Float32Array, k: number, search: Search) {
  const { width } = rows;
  const { approximateFrom = Number.POSITIVE_INFINITY, product } = search;
  if (rows.length < approximateFrom) {
    const found = await nearestNeighbors(queries, rows.values, width, k, { product, checked: true });
    return { k, rows: found.rows, scores: found.scores };
  }
  rows.index ??= await approximateIndex(rows.values, width, { expansionSearch: EXPANSION });
  return rescored(rows, rows.index, queries, k);
}

function rescored<T extends RowOwner>(rows: Rows<T>, index: ApproximateIndex, queries: Float32Array, k: number) {
  const { width, values } = rows;
  const count = queries.length / width;
  const wider = Math.min(rows.length, Math.max(32, WIDER * k));
  const found = index.search(queries, wider);
  const best = { k, rows: new Uint32Array(count * k), scores: new Float32Array(count * k) };
  for (let query = 0; query < count; query++) {
    const near = Array.from(found.rows.subarray(query * wider, (query + 1) * wider), (row) => {
      let score = 0;
      for (let i = 0; i < width; i++) score += queries[query * width + i]! * values[row * width + i]!;
      return { row, score };
    });
    near.sort((a, b) => b.score - a.score);
    for (let i = 0; i < k; i++) {
      best.rows[query * k + i] = near[i]!.row;
      best.scores[query * k + i] = near[i]!.score;
    }
  }
  return best;
}

function makeGallery(storage: GalleryStorage, state: State, notes: readonly string[], search: Search): Gallery {
  const { name } = storage;
  const { width, model, template: standard } = state.header;
  let last: Promise<unknown> = Promise.resolve();
  let closed = false;

  /** One call after the other. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = last.then(() => {
      check(!closed, () => ({ where: name, what: 'the gallery', got: 'closed', expected: 'open' }));
      return work();
    });
    last = result.catch(() => undefined);
    return result;
  }

  function refuseReadOnly(): void {
    check(!storage.readOnly, () => ({
      where: name,
      what: 'the gallery',
      got: 'opened to read only',
      expected: 'opened to write',
    }));
  }

  async function write(entries: readonly Entry[]): Promise<void> {
    refuseReadOnly();
    const records = entries.map(encodeEntry);
    const all = new Uint8Array(records.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const record of records) {
      all.set(record, at);
      at += record.length;
    }
    await storage.append(all);
    for (const entry of entries) state.apply(entry);
  }

  function memberOf(person: string): Member {
    const member = state.members.get(person);
    check(member !== undefined, () => ({
      where: name,
      what: 'the person',
      got: person,
      expected: `one of the ${state.members.size} in the gallery`,
    }));
    return member;
  }

  function queriesOf(queries: Float32Array): Float32Array {
    check(queries.length > 0 && queries.length % width === 0, () => ({
      where: 'identify',
      what: 'length of queries',
      got: queries.length,
      expected: `rows of ${width} numbers, at least one`,
    }));
    const units = new Float32Array(queries.length);
    for (let at = 0; at < queries.length; at += width) {
      units.set(unitOf(queries.subarray(at, at + width), width, `query ${at / width}`), at);
    }
    return units;
  }

  function judge(
    results: Candidate[][],
    comparisons: number,
    { far, doubt, calibration = state.calibration }: Omit<Settings<typeof judgeOptions>, 'template'>,
  ): Identified {
    if (!calibration) return { results };
    if (calibration !== state.calibration) checkCalibration(calibration, 'identify');
    const thresholds = thresholdsFor(calibration, { comparisons, far, doubt });
    return {
      results: results.map((found) => found.map((one) => ({ ...one, answer: answerOf(one.score, thresholds) }))),
      thresholds,
    };
  }

  return {
    ...{ name, width, model, template: standard, notes },
    get people() {
      return state.members.size;
    },
    get images() {
      return state.images.length;
    },
    get vectorBytes() {
      return state.images.byteLength + (state.means?.byteLength ?? 0);
    },
    get calibration() {
      return state.calibration;
    },
    enrol: (people) =>
      inTurn(async () => {
        const counts = { added: 0, replaced: 0, unchanged: 0 };
        const entries = people.flatMap((one) => entryOf(state, one, counts));
        const persons = new Set<string>();
        for (const { person } of people) {
          check(!persons.has(person), () => ({
            where: 'enrol',
            what: 'people',
            got: `${person} twice`,
            expected: 'each person once, with all images',
          }));
          persons.add(person);
        }
        if (entries.length > 0) await write(entries);
        else refuseReadOnly();
        return counts;
      }),
    identify: (queries, options = {}) =>
      inTurn(async () => {
        const { top, template = standard, ...judging } = readOptions('identify', identifyOptions, options);
        const units = queriesOf(queries);
        const rows = state.rows(template) as Rows<Image | Member>;
        const results: Candidate[][] = [];
        const count = units.length / width;
        if (rows.length === 0)
          return judge(
            Array.from({ length: count }, () => []),
            1,
            judging,
          );
        // Of each person but the last as many rows may come before it as the person has.
        let most = 1;
        if (rows.length > state.members.size) {
          for (const { images } of state.members.values()) most = Math.max(most, images.size);
        }
        const k = Math.min(rows.length, (top - 1) * most + 1);
        const found = await nearest(rows, units, k, search);
        for (let query = 0; query < count; query++) {
          const best = new Map<string, number>();
          for (let i = query * k; i < (query + 1) * k && best.size < top; i++) {
            const owner = rows.owners[found.rows[i]!]!;
            const { person } = 'member' in owner ? owner.member : owner;
            if (!best.has(person)) best.set(person, clip(found.scores[i]!));
          }
          results.push(Array.from(best, ([person, score]) => ({ person, score })));
        }
        return judge(results, rows.length, judging);
      }),
    verify: (person, queries, options = {}) =>
      inTurn(async () => {
        const { template = standard, ...judging } = readOptions('verify', judgeOptions, options);
        const member = memberOf(person);
        const units = queriesOf(queries);
        const rows = state.rows(template);
        const own =
          rows === state.means ? [rows.of(member)] : Array.from(member.images.values(), (one) => state.images.of(one));
        const results = Array.from({ length: units.length / width }, (_, query) => {
          const scores = own.map((vector) =>
            vector.reduce((sum, value, i) => sum + value * units[query * width + i]!, 0),
          );
          return [{ person, score: clip(Math.max(...scores)) }];
        });
        return judge(results, own.length, judging);
      }),
    remove: (person, image) =>
      inTurn(async () => {
        const { images } = memberOf(person);
        check(image === undefined || images.has(image), () => ({
          where: name,
          what: `the image of ${person}`,
          got: image,
          expected: `one of ${[...images.keys()].join(', ')}`,
        }));
        const count = image === undefined ? images.size : 1;
        await write([{ kind: 'remove', person, ...(image === undefined ? {} : { image }) }]);
        return count;
      }),
    list: () => Array.from(state.members.values(), personOf),
    find(person) {
      const member = state.members.get(person);
      return member && personOf(member);
    },
    calibrate: (calibration) =>
      inTurn(async () => {
        checkCalibration(calibration, 'calibrate');
        if (JSON.stringify(calibration) === JSON.stringify(state.calibration)) return;
        await write([{ kind: 'calibrate', calibration }]);
      }),
    compact: () =>
      inTurn(async () => {
        refuseReadOnly();
        if (state.outdated) await rewrite(storage, state);
      }),
    close: () => {
      if (closed) return last.then(() => undefined);
      return inTurn(async () => {
        closed = true;
        try {
          if (state.outdated && !storage.readOnly) await rewrite(storage, state);
        } finally {
          await storage.close();
        }
      });
    },
  };
}

const personOf = ({ person, images }: Member): Person => ({ person, images: [...images.keys()] });

/** Rounding may leave a cosine a little beyond 1. */
const clip = (score: number): number => Math.max(-1, Math.min(1, score));

/** What of an enrolment has to be written. */
function entryOf(
  state: State,
  { person, images }: Enrolment,
  counts: { added: number; replaced: number; unchanged: number },
): (Entry & { kind: 'enrol' })[] {
  checkName('the person', person);
  const { width } = state.header;
  const there = state.members.get(person)?.images;
  const named = new Map<string, Float32Array>();
  let next = (there?.size ?? 0) + 1;
  for (const { image, embedding } of images) {
    if (image === undefined) while (there?.has(String(next)) || named.has(String(next))) next++;
    const name = image ?? String(next);
    checkName(`the image of ${person}`, name);
    check(!named.has(name), () => ({
      where: 'enrol',
      what: `the images of ${person}`,
      got: `${name} twice`,
      expected: 'a name of its own for each',
    }));
    const vector = unitOf(embedding, width, `${name} of ${person}`);
    const known = there?.get(name);
    const old = known && state.images.of(known);
    if (old?.every((value, i) => value === vector[i])) counts.unchanged++;
    else {
      if (old) counts.replaced++;
      else counts.added++;
      named.set(name, vector);
    }
  }
  if (named.size === 0) return [];
  const vectors = new Float32Array(named.size * width);
  for (const [i, vector] of [...named.values()].entries()) vectors.set(vector, i * width);
  return [{ kind: 'enrol', person, images: [...named.keys()], vectors }];
}
