import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageSource } from '@protomem/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { knownIdentities } from './identities.ts';

const sourceOf = (people: readonly (readonly [name: string, images: number])[]): ImageSource => ({
  name: 'test',
  identities: people.length,
  imagesOf: (identity) => people[identity]![1],
  identityName: (identity) => people[identity]![0],
  load: () => Promise.reject(new Error('not for this test')),
});

/** Drawn on demand: as many images of each. */
const drawn = (identities: number, first = 0): ImageSource => ({
  ...sourceOf([]),
  identities,
  imagesPerIdentity: 4,
  imagesOf: () => 4,
  identityName: (identity) => `person-${first + identity}`,
});

let folder: string;
let list: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'protomem-identities-'));
  list = join(folder, 'identities.jsonl.gz');
});
afterEach(() => rm(folder, { recursive: true }));

const people: readonly (readonly [string, number])[] = [
  ['p0', 12],
  ['p1', 3],
  ['Zoë\tX', 2],
  ['p3', 5],
];

describe('the identities of a run', () => {
  const refusal = async (before: ImageSource, after: ImageSource): Promise<string> => {
    const run = knownIdentities(before, list);
    await run.keep();
    return knownIdentities(after, list)
      .check(run.mark(), 'the checkpoint at step 5')
      .then(
        () => 'the same',
        (error: Error) => error.message,
      );
  };
  const changed = (identity: number, ...person: [string, number]) => sourceOf(people.with(identity, person));

  it('are the same where names, order and counts are, however Unicode spells a name', async () => {
    expect(await refusal(sourceOf(people), sourceOf(people))).toBe('the same');
    expect(await refusal(sourceOf(people), changed(2, 'Zoë\tX'.normalize('NFD'), 2))).toBe('the same');
    await knownIdentities(sourceOf(people), list).checkKept();
    await expect(knownIdentities(changed(0, 'p9z', 12), list).checkKept()).rejects.toThrow('identity 0: ');
  });

  it('that differ are named: the first of them', async () => {
    expect(await refusal(sourceOf(people), changed(0, 'p9z', 12))).toBe(
      'resume: the training data is "of others", expected the 4 identities with 22 images of the ' +
        'checkpoint at step 5. They differ first in identity 0: the checkpoint has p0 (12 images), the data p9z (12). ' +
        'Resume with the data that the run was started with, wherever it lies now, or start a new run in another folder.',
    );
    expect(await refusal(sourceOf(people), changed(3, 'p3', 6))).toContain(
      'identity 3: the checkpoint has p3 (5 images), the data p3 (6).',
    );
    expect(await refusal(sourceOf(people), sourceOf([0, 3, 2, 1].map((i) => people[i]!)))).toContain(
      'identity 1: the checkpoint has p1 (3 images), the data p3 (5).',
    );
    expect(await refusal(sourceOf(people), sourceOf(people.slice(0, 3)))).toContain(
      'identity 3: the checkpoint has p3 (5 images), the data nobody.',
    );
    expect(await refusal(sourceOf(people), sourceOf([...people, ['p4', 1]]))).toContain(
      'identity 4: the checkpoint has nobody, the data p4 (1).',
    );
  });

  it('are known by a sample where a source makes them up', async () => {
    expect(await refusal(drawn(2 ** 40), drawn(2 ** 40))).toBe('the same');
    expect(await refusal(drawn(2 ** 40), drawn(2 ** 40, 7))).toContain(
      'identity 0: the checkpoint has person-0 (4 images), the data person-7 (4).',
    );
    expect(await refusal(drawn(2 ** 40), drawn(2 ** 40 + 1))).toContain('"1,099,511,627,777 identities');
  });

  it('are told apart without their list too, and without one that is damaged or of another run', async () => {
    const mark = knownIdentities(sourceOf(people), list).mark();
    const other = knownIdentities(changed(0, 'p9z', 12), list);
    const refused = (reason: string) =>
      expect(other.check(mark, 'x')).rejects.toThrow(`Where they differ cannot be told: ${list} is ${reason}.`);
    await refused('missing or damaged');
    await writeFile(list, 'no list');
    await refused('missing or damaged');
    await other.checkKept();
    await other.keep();
    await refused('of another run');
  });
});
