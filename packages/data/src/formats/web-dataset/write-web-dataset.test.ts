import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { filesOf } from '../../../fixtures/files-of.ts';
import { writePeople } from '../../../fixtures/people-folder.ts';
import { hostileNames, sourceOfTexts, textsOf } from '../../../fixtures/texts.ts';
import { folderSource } from '../folder/folder-source.ts';
import { writeFolder } from '../folder/write-folder.ts';
import { webDatasetSource } from './web-dataset-source.ts';
import { writeWebDataset } from './write-web-dataset.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-web-dataset-'));
});
afterEach(() => rm(dir, { recursive: true }));

const python = process.env.PROTOMEM_PYTHON ?? 'python3';
const runs = (code: string): boolean => spawnSync(python, ['-c', code]).status === 0;
const needs = (what: string): boolean => {
  const there = runs(`import ${what}`);
  if (!there) console.log(`skipped: ${python} has no ${what} (PROTOMEM_PYTHON names another Python)`);
  return there;
};

/** What a script prints about the shards of a folder, as JSON. */
function inPython(script: string, ...shards: readonly string[]): unknown {
  return JSON.parse(execFileSync(python, ['-c', script, ...shards], { encoding: 'utf8' }));
}

const people: [string, string[]][] = [
  ['Ada', ['image 0', 'image 1 '.repeat(100)]],
  ['10', ['image 2']],
  ['2', ['', 'image 4']],
];

describe('writeWebDataset', () => {
  it('keeps names, order and bytes of a folder, there and back, in shards of the size asked for', async () => {
    await writePeople(join(dir, 'in'), [2, 1, 3, 1, 1, 1, 1, 1, 1, 1, 2, 1]);
    const folder = await folderSource(join(dir, 'in'));
    await writeWebDataset(folder, join(dir, 'out'), { shardBytes: 10240 });
    const shards = await readdir(join(dir, 'out'));
    expect(shards.length).toBeGreaterThan(3);
    expect(shards[0]).toBe('shard-000000.tar');
    for (const shard of shards) expect((await stat(join(dir, 'out', shard))).size).toBeLessThanOrEqual(10240);
    const source = await webDatasetSource(join(dir, 'out'));
    const expected = await textsOf(folder);
    expect(await textsOf(source)).toEqual(expected);
    await writeFolder(source, join(dir, 'back'));
    expect(await filesOf(join(dir, 'back'))).toEqual(await filesOf(join(dir, 'in')));
    await writeWebDataset(folder, join(dir, 'again'), { shardBytes: 10240 });
    expect(await filesOf(join(dir, 'again'))).toEqual(await filesOf(join(dir, 'out')));
    await expect(writeWebDataset(folder, join(dir, 'out'))).rejects.toThrow('there already');
  });

  it('shuffles samples over the shards when asked to; identities keep their order', async () => {
    const many: [string, string[]][] = Array.from({ length: 20 }, (_, i) => [
      `p${20 - i}`,
      [`${i} a`, `${i} b`, `${i} c`],
    ]);
    await writeWebDataset(sourceOfTexts(many), join(dir, 'out'), { shuffle: 5 });
    const read = await textsOf(await webDatasetSource(join(dir, 'out')));
    expect(read.map(([name, images]) => [name, images.sort()])).toEqual(many);
    const text = await readFile(join(dir, 'out', 'shard-000000.tar'), 'latin1');
    const order = [...text.matchAll(/(\d+)\/\d\.jpg/g)].map(([, identity]) => Number(identity));
    expect(order).toHaveLength(60);
    expect(order).not.toEqual([...order].sort((a, b) => a - b));
  });

  it('keeps any names', async () => {
    const hostile: [string, string[]][] = hostileNames.map((name, i) => [name, [`image ${i}`]]);
    await writeWebDataset(sourceOfTexts(hostile), join(dir, 'out'));
    const source = await webDatasetSource(join(dir, 'out'));
    expect(await textsOf(source)).toEqual(hostile);
    execFileSync('tar', ['-xf', join(dir, 'out', 'shard-000000.tar'), '-C', dir]);
    expect((await readdir(dir)).sort()).toEqual(
      [...hostile.keys()].map((i) => String(i).padStart(2, '0')).concat('out'),
    );
  });

  it('leaves nothing behind when an image cannot be read', async () => {
    const source = sourceOfTexts(people);
    const broken = {
      ...source,
      load: (i: number, j: number) => (i === 2 ? Promise.reject(new Error('gone')) : source.load(i, j)),
    };
    await expect(writeWebDataset(broken, join(dir, 'out'), { shardBytes: 1 })).rejects.toThrow('gone');
    expect(await readdir(dir)).toEqual([]);
  });
});

describe('shards written are read', () => {
  it('by tar(1)', async () => {
    await writeWebDataset(sourceOfTexts(people), join(dir, 'out'));
    const shard = join(dir, 'out', 'shard-000000.tar');
    const list = execFileSync('tar', ['-tf', shard], { encoding: 'utf8' }).split('\n');
    expect(list.slice(0, 4)).toEqual(['0/0.jpg', '0/0.json', '0/1.jpg', '0/1.json']);
    expect(execFileSync('tar', ['-xOf', shard, '0/1.jpg'], { encoding: 'utf8' })).toBe(people[0]![1][1]);
    const { stderr } = spawnSync('tar', ['-xf', shard, '-C', dir], { encoding: 'utf8' });
    expect(stderr).toBe('');
  });

  it.skipIf(!needs('tarfile'))("by Python's tarfile", async () => {
    await writeWebDataset(sourceOfTexts(people), join(dir, 'out'));
    const script = `
import json, sys, tarfile
with tarfile.open(sys.argv[1], "r|*") as archive:
    print(json.dumps([[m.name, m.mtime, archive.extractfile(m).read().decode()] for m in archive if m.name.endswith("jpg")]))`;
    const images = people.flatMap(([, own], i) => own.map((text, j) => [`${i}/${j}.jpg`, 946684800, text]));
    expect(inPython(script, join(dir, 'out', 'shard-000000.tar'))).toEqual(images);
  });

  it.skipIf(!needs('webdataset'))('by webdataset', async () => {
    await writeWebDataset(sourceOfTexts(people), join(dir, 'out'), { shardBytes: 4096 });
    const script = `
import json, sys, webdataset
samples = webdataset.WebDataset(sys.argv[1:], shardshuffle=False)
print(json.dumps([[json.loads(s["json"])["identity"], s["jpg"].decode()] for s in samples]))`;
    const shards = (await readdir(join(dir, 'out'))).sort().map((name) => join(dir, 'out', name));
    expect(shards.length).toBeGreaterThan(1);
    expect(inPython(script, ...shards)).toEqual(people.flatMap(([name, own]) => own.map((text) => [name, text])));
  });
});
