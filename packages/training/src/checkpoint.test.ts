import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeSafetensors, type Json, Random } from '@protomem/core';
import { writeFileAtomic, type writeSafetensors } from '@protomem/core/node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Checkpoint,
  checkRecipe,
  latestCheckpoint,
  listCheckpoints,
  pruneCheckpoints,
  readCheckpoint,
  readLatestCheckpoint,
  writeCheckpoint,
} from './checkpoint.ts';
import { fingerprint } from './fingerprint.ts';

function checkpoint(step: number, config: Json = { margin: 0.4 }): Checkpoint {
  return {
    step,
    recipe: { steps: 100, config },
    parts: {
      encoder: { values: {}, tensors: { w: { dtype: 'F32', shape: [2, 2], data: Float32Array.of(1, 2, 3, step) } } },
      head: {
        values: { seen: 2 ** 53 - 1 },
        tensors: { ids: { dtype: 'F64', shape: [1], data: Float64Array.of(2 ** 53 - 1) } },
      },
    },
  };
}

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'protomem-checkpoint-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('checkpoints', () => {
  it('give back what was written, under the name of the step', async () => {
    const path = await writeCheckpoint(join(directory, 'new'), checkpoint(1200));
    expect(path).toBe(join(directory, 'new', 'checkpoint-00001200.safetensors'));
    expect(await readCheckpoint(path)).toEqual(checkpoint(1200));
  });

  it('are listed newest first by step, also beyond eight digits, and pruned with what a kill left', async () => {
    expect(await latestCheckpoint(join(directory, 'none'))).toBeUndefined();
    for (const step of [20, 123_456_789, 3, 100]) await writeCheckpoint(directory, checkpoint(step));
    await writeFile(join(directory, '.checkpoint-00000100.safetensors.77-abc.tmp'), 'half');
    await writeFile(join(directory, 'mine.txt'), 'stays');
    expect(await latestCheckpoint(directory)).toMatch(/checkpoint-123456789\.safetensors$/);
    await pruneCheckpoints(directory, 2);
    expect((await readdir(directory)).sort()).toEqual([
      'checkpoint-00000100.safetensors',
      'checkpoint-123456789.safetensors',
      'mine.txt',
    ]);
  });

  it('cut short anywhere are refused by name', async () => {
    const path = await writeCheckpoint(directory, checkpoint(1));
    const bytes = await readFile(path);
    for (const length of [0, 7, 100, bytes.length - 33, bytes.length - 1]) {
      await writeFile(path, bytes.subarray(0, length));
      await expect(readCheckpoint(path)).rejects.toThrow(/^checkpoint-00000001\.safetensors: .*cut short/);
    }
  });

  it('with a flipped bit are refused, wherever it is', async () => {
    const path = await writeCheckpoint(directory, {
      ...checkpoint(1),
      identities: { identities: 2, images: 9, hash: 'ab' },
    });
    const good = await readFile(path);
    const rng = new Random(7);
    for (let i = 0; i < 200; i++) {
      const bad = Buffer.from(good);
      const bit = rng.below(8 * good.length);
      bad[bit >> 3]! ^= 1 << (bit & 7);
      await writeFile(path, bad);
      await expect(readCheckpoint(path), `bit ${bit}`).rejects.toThrow(/^checkpoint-00000001\.safetensors: .+ is .+/);
    }
  });

  it('of earlier releases are read, and each field of theirs is checked', async () => {
    const path = join(directory, 'checkpoint-00000005.safetensors');
    const recipe = { steps: 9 };
    const metadata = {
      ...{ format: 'protomem-checkpoint', version: '1', step: '5', values: '{"head":{}}' },
      ...{ recipe: JSON.stringify(recipe), fingerprint: fingerprint(recipe) },
    };
    const read = async (change: Record<string, string>) => {
      await writeFileAtomic(path, ...encodeSafetensors({ tensors: {}, metadata: { ...metadata, ...change } }));
      return readCheckpoint(path);
    };
    expect(await read({})).toEqual({ step: 5, recipe, parts: { head: { values: {}, tensors: {} } } });
    const wrong: [Record<string, string>, string][] = [
      [{ step: '6' }, 'step in its metadata is "6", expected that of its name'],
      [{ step: '-5' }, 'step in its metadata is "-5"'],
      [{ step: '5.0' }, 'step in its metadata is "5.0"'],
      [{ recipe: '{"steps":8}' }, 'fingerprint in its metadata is'],
      [{ recipe: '[]' }, 'recipe in its metadata is "[]", expected a JSON object'],
      [{ values: '{"head":1}' }, 'values in its metadata is "{"head":1}", expected a JSON object of objects'],
      [{ identities: '{"identities":-1}' }, 'its identities is {"identities":-1}, expected how many'],
      [{ checksun: 'x' }, 'metadata "checksun" is "of no meaning"'],
    ];
    for (const [change, message] of wrong) await expect(read(change)).rejects.toThrow(message);
  });

  it('of another version or another kind are refused', async () => {
    const path = join(directory, 'checkpoint-00000001.safetensors');
    const write = (metadata: Record<string, string>) =>
      writeFileAtomic(path, ...encodeSafetensors({ tensors: {}, metadata }));
    await write({ format: 'protomem-checkpoint', version: '99' });
    const wrong = /the checkpoint version is "99", expected "1"\. Resume with the release/;
    await expect(readCheckpoint(path)).rejects.toThrow(wrong);
    // Falling back to an older one would not help.
    await expect(readLatestCheckpoint(directory, () => undefined)).rejects.toThrow(wrong);
    await write({ format: 'pt' });
    await expect(readCheckpoint(path)).rejects.toThrow(
      'format in its metadata is "pt", expected "protomem-checkpoint"',
    );
    await write({ format: 'protomem-checkpoint', version: '1', values: '{"head":' });
    await expect(readCheckpoint(path)).rejects.toThrow('values in its metadata is "{"head":", expected JSON');
  });

  it('that are damaged are set aside with a warning, and the one before is taken', async () => {
    await writeCheckpoint(directory, checkpoint(1));
    const newest = await writeCheckpoint(directory, checkpoint(2));
    await writeFile(newest, (await readFile(newest)).subarray(0, 50));
    const warnings: string[] = [];
    expect((await readLatestCheckpoint(directory, (text) => warnings.push(text)))?.step).toBe(1);
    expect(warnings).toEqual([
      expect.stringMatching(/^checkpoint-00000002\.safetensors: .*cut short/),
      'checkpoint-00000002.safetensors is set aside as checkpoint-00000002.safetensors.damaged: ' +
        'the run goes on from checkpoint-00000001.safetensors.',
    ]);
    expect(await readdir(directory)).toContain('checkpoint-00000002.safetensors.damaged');

    await writeFile((await latestCheckpoint(directory))!, '');
    await expect(readLatestCheckpoint(directory, () => undefined)).rejects.toThrow(
      /every checkpoint in .* is "damaged"/,
    );
    expect(await listCheckpoints(directory)).toHaveLength(1);
  });

  it('that the system does not give now are left where they are', async () => {
    await writeCheckpoint(directory, checkpoint(1));
    // As on a disk that is away.
    const newest = join(directory, 'checkpoint-00000002.safetensors');
    await symlink(join(directory, 'away'), newest);
    await expect(readLatestCheckpoint(directory, () => undefined)).rejects.toThrow('checkpoint-00000002.safetensors');
    expect(await listCheckpoints(directory)).toHaveLength(2);
  });

  it('of another recipe are refused with each key and both values', () => {
    const saved = checkpoint(5, { head: { margin: 0.4, size: 100 }, out: 'a', log: { every: 1 } });
    const now = {
      steps: 100,
      config: { log: { every: 9, color: true }, out: 'b', head: { size: 200, margin: 0.4 }, lr: 1 },
    };
    expect(() => checkRecipe(saved, now, ['config.out', 'config.log'])).toThrow(
      'resume: the recipe of the checkpoint at step 5 is "another one", expected that of this run. ' +
        'They differ in config.head.size: saved 100, now 200; config.lr: saved nothing, now 1. ' +
        'Use the saved values, or start a new run in another folder.',
    );
    expect(() => checkRecipe(saved, now, ['config.out', 'config.log', 'config.lr', 'config.head.size'])).not.toThrow();
    expect(fingerprint({ a: 1, b: { c: [1, 2] } })).toBe(fingerprint({ b: { c: [1, 2] }, a: 1 }));
    expect(fingerprint({ a: 1 })).not.toBe(fingerprint({ a: '1' }));
  });

  it('that find the disk full say so, and leave the older ones', async () => {
    const older = await writeCheckpoint(directory, checkpoint(1));
    const full: typeof writeSafetensors = async () => {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    };
    await expect(writeCheckpoint(directory, checkpoint(2), full)).rejects.toThrow(
      /writeCheckpoint: writing .*checkpoint-00000002\.safetensors is "refused: the disk is full \(.* MiB free\)", .*Checkpoints written before are untouched: free some space, then resume\./,
    );
    expect(await readCheckpoint(older)).toEqual(checkpoint(1));
  });

  it('find a really full disk as such, and leave nothing half-written', async (context) => {
    const disk = join(directory, 'disk');
    await mkdir(disk);
    const mounted = spawnSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
    context.skip(mounted.status !== 0, 'a small disk can be mounted by root only');
    try {
      const older = await writeCheckpoint(disk, checkpoint(1));
      await writeFile(join(disk, 'big'), new Uint8Array(52 * 1024));
      const big = { w: { dtype: 'U8', shape: [30_000], data: new Uint8Array(30_000) } } as const;
      await expect(
        writeCheckpoint(disk, { ...checkpoint(2), parts: { head: { values: {}, tensors: big } } }),
      ).rejects.toThrow(/checkpoint-00000002\.safetensors is "refused: the disk is full \(0\.0 MiB free\)"/);
      expect(await readCheckpoint(older)).toEqual(checkpoint(1));
      expect((await readdir(disk)).sort()).toEqual(['big', 'checkpoint-00000001.safetensors']);
    } finally {
      spawnSync('/bin/umount', [disk]);
    }
  });

  it('that may not be written say so', async (context) => {
    context.skip(process.getuid?.() === 0, 'root may write anywhere');
    await chmod(directory, 0o500);
    await expect(writeCheckpoint(directory, checkpoint(2))).rejects.toThrow(/EACCES/);
  });
});
