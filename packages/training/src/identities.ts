import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type ImageSource, ProtomemError } from '@protomem/core';
import { writeFileAtomic } from '@protomem/core/node';
import { writeError } from './write-error.ts';

/** Whom a run is trained on, in short: every checkpoint holds it. */
export interface IdentitiesMark {
  readonly identities: number;
  readonly images: number;
  /** SHA-256 of names, in Unicode's NFC, and counts of images, in order. */
  readonly hash: string;
}

/** The identities of a source, for a run that must go on with the same ones. */
export interface KnownIdentities {
  mark(): IdentitiesMark;
  /** Writes the list that a difference is named from; once. */
  keep(): Promise<void>;
  /** @throws ProtomemError that names the first difference, unless the source has the identities of `saved`. */
  check(saved: IdentitiesMark, where: string): Promise<void>;
  /** {@link check} against the list as it was kept; nothing where there is none. */
  checkKept(): Promise<void>;
}

/** Identities looked at where a source has as many images of each: it may make up billions. */
const SAMPLED = 1000;

/** What of a list is kept, bytes before compression; only beyond it a difference is found but not named. */
const LISTED = 64 * 2 ** 20;

/** As a line of the list has it. */
type Entry = readonly [identity: number, name: string, images: number];

/**
 * What tells whether a source has the people that a run began with: names and numbers of images, in order. Where
 * `imagesPerIdentity` says that all have as many, a thousand of them, spread evenly, stand for all.
 *
 * @param list path of a file, gzipped JSON in lines: a {@link IdentitiesMark}, then `[identity, name, images]` of each up
 *   to 64 MiB in all.
 * @example
 * ```ts
 * createTrainer({
 *   ...parts,
 *   checkpoints: { directory: 'run/checkpoints', every: 200, identities: knownIdentities(source, 'run/identities.jsonl.gz') },
 * });
 * ```
 */
export function knownIdentities(source: ImageSource, list: string): KnownIdentities {
  let mark: IdentitiesMark | undefined;
  let kept = false;
  const ofSource = (): IdentitiesMark => {
    mark ??= markOf(source);
    return mark;
  };
  const check: KnownIdentities['check'] = async (saved, where) => {
    const now = ofSource();
    if (saved.hash === now.hash && saved.identities === now.identities) return;
    throw new ProtomemError({
      where: 'resume',
      what: 'the training data',
      got: now.identities === saved.identities && now.images === saved.images ? 'of others' : inAll(now),
      expected: `the ${inAll(saved)} of ${where}`,
      fix: `${firstDifference(await readList(list), saved, source, list)} Resume with the data that the run was started with, wherever it lies now, or start a new run in another folder.`,
    });
  };
  return {
    mark: ofSource,
    check,
    async keep() {
      if (kept) return;
      const lines = [JSON.stringify(ofSource())];
      let bytes = 0;
      for (const entry of entriesOf(source)) {
        const line = JSON.stringify(entry);
        bytes += line.length;
        if (bytes > LISTED) break;
        lines.push(line);
      }
      await mkdir(dirname(list), { recursive: true });
      await writeFileAtomic(list, gzipSync(lines.join('\n'), { level: 1 })).catch((error) => {
        throw writeError('knownIdentities', list, error);
      });
      kept = true;
    },
    async checkKept() {
      const saved = await readList(list);
      if (saved) await check(saved.mark, `the run, as ${list} has them`);
    },
  };
}

const count = (n: number, what: string): string => `${n.toLocaleString('en')} ${what}`;
const inAll = ({ identities, images }: IdentitiesMark): string =>
  `${count(identities, 'identities')} with ${count(images, 'images')}`;

function* entriesOf(source: ImageSource): Generator<Entry> {
  const { identities, imagesPerIdentity } = source;
  const step = imagesPerIdentity === undefined ? 1 : Math.max(1, Math.floor(identities / SAMPLED));
  for (let identity = 0; identity < identities; identity += step) {
    yield [identity, source.identityName(identity).normalize('NFC'), source.imagesOf(identity)];
  }
}

function markOf(source: ImageSource): IdentitiesMark {
  const { identities, imagesPerIdentity } = source;
  const hash = createHash('sha256');
  let images = 0;
  let block: string[] = [];
  for (const entry of entriesOf(source)) {
    images += entry[2];
    // One call for many lines: each costs more than its hashing.
    if (block.push(JSON.stringify(entry)) === 1000) {
      hash.update(`${block.join('\n')}\n`);
      block = [];
    }
  }
  if (block.length > 0) hash.update(`${block.join('\n')}\n`);
  return {
    identities,
    images: imagesPerIdentity === undefined ? images : identities * imagesPerIdentity,
    hash: hash.digest('hex'),
  };
}

interface List {
  readonly mark: IdentitiesMark;
  readonly lines: readonly string[];
}

/** `undefined` when there is no such file, or it is damaged: the checkpoint's mark alone decides. */
async function readList(path: string): Promise<List | undefined> {
  try {
    const text = gunzipSync(await readFile(path), { maxOutputLength: 4 * LISTED }).toString('utf8');
    const [mark, ...lines] = text.split('\n');
    return { mark: parseMark(JSON.parse(mark!)), lines };
  } catch {
    return undefined;
  }
}

/** @throws when a value is not of this shape */
export function parseMark(value: unknown): IdentitiesMark {
  const { identities, images, hash } = (value ?? {}) as Partial<IdentitiesMark>;
  const isCount = (n: unknown): boolean => Number.isSafeInteger(n) && (n as number) >= 0;
  if (isCount(identities) && isCount(images) && typeof hash === 'string') return value as IdentitiesMark;
  throw new ProtomemError({
    where: 'checkpoint',
    what: 'its identities',
    got: value,
    expected: 'how many there are, how many images, and their hash',
  });
}

/** A sentence. */
function firstDifference(list: List | undefined, saved: IdentitiesMark, source: ImageSource, path: string): string {
  if (list?.mark.hash !== saved.hash) {
    return `Where they differ cannot be told: ${path} is ${list ? 'of another run' : 'missing or damaged'}.`;
  }
  let row = 0;
  for (const entry of entriesOf(source)) {
    const before = list.lines[row];
    // A sample is listed whole.
    const whole = list.lines.length === saved.identities || source.imagesPerIdentity !== undefined;
    if (before === undefined && !whole) {
      return `The first ${count(row, 'identities')}, which the run's list has, are the same.`;
    }
    if (before !== JSON.stringify(entry)) return sentence(before && JSON.parse(before), entry);
    row++;
  }
  const gone = list.lines[row];
  return gone ? sentence(JSON.parse(gone), undefined) : 'They differ in how many there are.';
}

function sentence(before: Entry | undefined, now: Entry | undefined): string {
  const [identity] = (before ?? now)!;
  const one = (entry: Entry | undefined, unit = ''): string => (entry ? `${entry[1]} (${entry[2]}${unit})` : 'nobody');
  return `They differ first in identity ${identity}: the checkpoint has ${one(before, ' images')}, the data ${one(now)}.`;
}
