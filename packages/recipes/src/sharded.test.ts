import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort, joinAddress } from '@protomem/core/node';
import { enginesAtHand } from '@protomem/engine/testing';
import { losses } from '@protomem/losses';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RankResult, RankWork } from '../fixtures/rank.ts';

const native = (await enginesAtHand()).includes('node');
const script = fileURLToPath(new URL('../fixtures/rank.ts', import.meta.url));

/** Trains in a process for each rank; a batch of 64 in all. */
async function train(size: number, work: Partial<RankWork>): Promise<RankResult[]> {
  const free = async (): Promise<string> => joinAddress('127.0.0.1', await freePort('127.0.0.1'));
  const addresses = await Promise.all(Array.from({ length: size }, free));
  const run = async (rank: number): Promise<RankResult> => {
    const own = { cluster: { rank, addresses, timeoutSeconds: 60 }, steps: 10, weightsAt: [5, 10], ...work };
    const program = ['--import', 'tsx', '--conditions=@protomem/source', script, JSON.stringify(own)];
    return JSON.parse((await promisify(execFile)(process.execPath, program, { maxBuffer: 1e9 })).stdout);
  };
  return Promise.all(addresses.map((_, rank) => run(rank)));
}

/** Length of the difference beside that of what is expected. */
function difference(found: readonly number[], expected: readonly number[]): number {
  return Math.hypot(...found.map((value, i) => value - expected[i]!)) / Math.hypot(...expected);
}

describe.skipIf(!native)('a memory divided among processes', { timeout: 300_000 }, () => {
  let folder: string;
  let alone: RankResult;
  let four: RankResult[];
  /** Go on from where the four ended, and the one alone with a whole memory. */
  let two: RankResult[];
  let one: RankResult;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'protomem-sharded-'));
    [alone] = (await train(1, {})) as [RankResult];
    const saved = join(folder, 'four');
    four = await train(4, { steps: 5, sharded: true, checkpoints: saved });
    const goOn = async (size: number, work: Partial<RankWork>): Promise<RankResult[]> => {
      const checkpoints = join(folder, String(size));
      await cp(saved, checkpoints, { recursive: true });
      return train(size, { ...work, checkpoints });
    };
    const both = await Promise.all([goOn(2, { sharded: true, comparesHeads: true }), goOn(1, {})]);
    [two, [one]] = both as [RankResult[], [RankResult]];
  }, 300_000);
  afterAll(() => rm(folder, { recursive: true }));

  it('is trained as a whole one, in a quarter of its bytes', () => {
    for (const { losses, weights, bytes, evicted } of four) {
      expect(bytes).toBe(alone.bytes / 4);
      expect(evicted).toBeGreaterThan(10);
      expect(losses).toEqual(four[0]!.losses);
      expect(difference(losses, alone.losses.slice(0, 5))).toBeLessThan(1e-6);
      expect(weights).toEqual(four[0]!.weights);
      expect(difference(weights[5]!, alone.weights[5]!)).toBeLessThan(1e-5);
    }
  });

  it('goes on, bit for bit the same, in two processes or in one, divided or not', () => {
    for (const { refused, memoryBefore } of [two[0]!, one]) {
      expect(refused).toBeUndefined();
      expect(memoryBefore).toBe(four[0]!.memory);
    }
    for (const { losses, weights } of [...two, one]) {
      expect(losses).toHaveLength(5);
      expect(difference(losses, alone.losses.slice(5))).toBeLessThan(1e-5);
      expect(difference(weights[10]!, alone.weights[10]!)).toBeLessThan(1e-5);
    }
  });

  it('gives every loss that can be divided the values and gradients of a whole one, and refuses others', () => {
    const known = [...Object.keys(losses), 'filtered', 'triplet of the hardest', 'partial-fc'].sort();
    const wholeOnly = ['npc-face', 'uni-face', 'contrastive', 'triplet', 'multi-similarity', 'nt-xent'];
    for (const { refused, compared } of two) {
      expect(refused).toBeUndefined();
      expect(Object.keys(compared!).sort()).toEqual(known);
      for (const [name, { refused, difference, values, leaked }] of Object.entries(compared!)) {
        if ([...wholeOnly, 'supervised-contrastive'].includes(name)) {
          expect(refused).toContain(`the loss on columns divided among 2 ranks is "${name}", expected one with a`);
        } else {
          expect(refused, name).toBeUndefined();
          expect(difference, name).toBeLessThan(1e-5);
          expect(leaked, name).toBe(0);
          expect(values).toEqual(two[0]!.compared![name]!.values);
        }
      }
    }
  });
});
