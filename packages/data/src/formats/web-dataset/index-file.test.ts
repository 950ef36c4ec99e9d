import { cp, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check } from '@protomem/core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { damage } from '../../../fixtures/damage.ts';
import { fuzz, fuzzTimeout } from '../../../fixtures/fuzz.ts';
import { textsOf } from '../../../fixtures/texts.ts';
import { parseIndex, readIndex } from './index-file.ts';
import { shardsAt } from './shard-paths.ts';
import { webDatasetSource } from './web-dataset-source.ts';

const golden = fileURLToPath(new URL('../../../fixtures/web-dataset/python-gnu.tar', import.meta.url));

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-web-dataset-'));
  await cp(golden, join(dir, 'a.tar'));
  await cp(golden, join(dir, 'b.tar'));
});
afterEach(() => rm(dir, { recursive: true }));

it('saves an index only when asked to, and takes it while the shards are the same', async () => {
  const people = await textsOf(await webDatasetSource(dir));
  expect(await readdir(dir)).toEqual(['a.tar', 'b.tar']);
  expect(await textsOf(await webDatasetSource(dir, { saveIndex: true }))).toEqual(people);
  expect(await readdir(dir)).toEqual(['a.tar', 'b.tar', 'shards.index']);

  const file = join(dir, 'shards.index');
  const read = async (identity?: string) => readIndex(file, dir, await shardsAt('test', dir), identity);
  expect(await read()).toBeDefined();
  expect(await textsOf(await webDatasetSource(dir))).toEqual(people);
  expect(await read('json')).toBeUndefined();

  await utimes(join(dir, 'b.tar'), 1e9, 1e9);
  expect(await read()).toBeUndefined();
  await webDatasetSource(dir, { saveIndex: true });
  expect(await read()).toBeDefined();
  await cp(golden, join(dir, 'c.tar'));
  expect(await read()).toBeUndefined();
  expect((await webDatasetSource(dir)).imagesOf(0)).toBe(3);

  await webDatasetSource(join(dir, 'a.tar'), { saveIndex: true });
  await webDatasetSource(join(dir, '{a,b}.tar'), { saveIndex: true });
  expect((await readdir(dir)).filter((name) => name.endsWith('.index')).sort()).toEqual([
    'a.tar.index',
    'shards.index',
    '{a,b}.tar.index',
  ]);
});

it('never takes a damaged index', fuzzTimeout, async () => {
  await webDatasetSource(dir, { saveIndex: true });
  const shards = await shardsAt('test', dir);
  const bytes = await readFile(join(dir, 'shards.index'));
  await fuzz('webdataset: saved index', (random) => {
    const copy = damage(bytes, random);
    const taken = parseIndex(copy, dir, shards, undefined) !== undefined;
    expect(taken).toBe(copy.equals(bytes));
    check(taken, () => ({ where: 'test', what: 'the index', got: 'refused', expected: 'nothing else' }));
  });
  await writeFile(join(dir, 'shards.index'), bytes.subarray(0, 100));
  expect((await webDatasetSource(dir)).identities).toBe(3);
});
