import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort, joinAddress } from '@protomem/core/node';
import { enginesAtHand } from '@protomem/engine/testing';
import { losses } from '@protomem/losses';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RankResult, RankRun, RankTask } from '../fixtures/rank.ts';
import { launchRanks } from './launch-ranks.ts';

const native = (await enginesAtHand()).includes('node');
const script = fileURLToPath(new URL('../fixtures/rank.ts', import.meta.url));
const program = (task: RankTask): string[] => [
  ...['--import', 'tsx', '--conditions=@protomem/source', script],
  JSON.stringify(task),
];

/** Does runs in a process for each rank, which take a while to start; a batch of 64 in all. @returns results by run and rank */
async function train(size: number, runs: readonly ((rank: number) => RankRun)[]): Promise<RankResult[][]> {
  const free = async (): Promise<string> => joinAddress('127.0.0.1', await freePort('127.0.0.1'));
  const addresses = await Promise.all(Array.from({ length: size }, free));
  const all = await Promise.all(
    addresses.map(async (_, rank): Promise<RankResult[]> => {
      const task = { cluster: { rank, addresses, timeoutSeconds: 60 }, runs: runs.map((run) => run(rank)) };
      return JSON.parse((await promisify(execFile)(process.execPath, program(task), { maxBuffer: 1e9 })).stdout);
    }),
  );
  return runs.map((_, run) => all.map((results) => results[run]!));
}

/** Length of the difference beside that of what is expected. */
function difference(found: readonly number[], expected: readonly number[]): number {
  expect(found.length).toBe(expected.length);
  return Math.hypot(...found.map((value, i) => value - expected[i]!)) / Math.hypot(...expected);
}

describe.skipIf(!native)('ranks that train together', { timeout: 300_000 }, () => {
  let folder: string;
  let alone: RankResult;
  let aloneOverAll: RankResult;
  let [two, twoOverAll, others, apart]: RankResult[][] = [];
  const overAll: RankRun = { steps: 5, weightsAt: [5], synchronizeNorms: true };

  /** Goes on from a folder of checkpoints, which stays as it is. */
  async function goOn(size: number, from: string, run: Partial<RankRun> = {}): Promise<RankResult[]> {
    const checkpoints = await mkdtemp(join(folder, 'on-'));
    await cp(from, checkpoints, { recursive: true });
    const [found] = await train(size, [() => ({ steps: 20, weightsAt: [20], ...run, checkpoints })]);
    return found!;
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'protomem-ranks-'));
    [[alone], [aloneOverAll]] = (await train(1, [() => ({ steps: 20, weightsAt: [5, 10, 20] }), () => overAll])) as [
      [RankResult],
      [RankResult],
    ];
    [two, twoOverAll, others, apart] = await train(2, [
      () => ({ steps: 200, weightsAt: [20] }),
      () => overAll,
      (rank) => ({ steps: 20 + rank, weightsAt: [] }),
      (rank) => ({ steps: 60, weightsAt: [], rate: 0.02 + rank / 1e6 }),
    ]);
  }, 300_000);
  afterAll(() => rm(folder, { recursive: true }));

  it('train as one of the same batch, and keep one memory', () => {
    const [first, second] = two as [RankResult, RankResult];
    expect([first.refused, second.refused]).toEqual([undefined, undefined]);
    expect(Object.keys(first.gradients).sort()).toEqual(Object.keys(alone.gradients).sort());
    for (const [name, gradient] of Object.entries(alone.gradients)) {
      expect(difference(first.gradients[name]!, gradient), name).toBeLessThan(1e-6);
    }
    expect(difference(first.weights[20]!, alone.weights[20]!)).toBeLessThan(1e-5);
    // Of each other they are no copies but the same.
    expect(second.weights).toEqual(first.weights);
    expect(second.losses).toEqual(first.losses);
    expect(first.evicted).toBeGreaterThan(100);
    expect(second.memory).toBe(first.memory);
  });

  it('train as one with norms over the images of all', () => {
    for (const { refused, gradients, weights } of twoOverAll!) {
      expect(refused).toBeUndefined();
      // Together: a bias in front of a norm has none but rounding.
      const [own, expected] = [gradients, aloneOverAll.gradients].map((all) => Object.values(all).flat());
      expect(difference(own!, expected!)).toBeLessThan(1e-6);
      expect(difference(weights[5]!, aloneOverAll.weights[5]!)).toBeLessThan(1e-4);
    }
    // Otherwise it would be no test of norms.
    expect(difference(aloneOverAll.weights[5]!, alone.weights[5]!)).toBeGreaterThan(1e-3);
  });

  it('refuse to train different runs, and stop where they come apart', () => {
    for (const { refused } of others!) {
      expect(refused).toBe(
        'createTrainer: steps of rank 1 is 21, expected 20, as rank 0 has it. All ranks have to train the same run: start them with the same command and configuration.',
      );
    }
    for (const { refused } of apart!) {
      expect(refused).toMatch(/^step 50: the weights of rank 1 \(digest\) is \d+, expected \d+, as rank 0 has it/);
    }
  });

  it('go on after one has died, to the same weights, and from its checkpoint as one or three', async () => {
    const own = join(folder, 'broken');
    await mkdir(own);
    const checkpoints = join(own, 'checkpoints');
    const runs = [{ checkpoints, dies: { rank: 1, step: 14 }, steps: 20, weightsAt: [20] }];
    const said: string[] = [];
    const code = await launchRanks(
      { nprocPerNode: 2, maxRestarts: 1, timeout: 60, logs: join(own, 'logs') },
      { command: [process.execPath, ...program({ folder: own, runs })], say: (line) => said.push(line) },
    );
    expect(code).toBe(0);
    expect(said).toContain('launch: rank 1 ended: killed by SIGKILL; the others are ended');
    expect(said.at(-2)).toBe('launch: starting all ranks again, 1 of 1');
    const [broken] = JSON.parse(await readFile(join(own, 'result-0.json'), 'utf8')) as [RankResult];
    expect(broken.losses).toHaveLength(10);
    expect(broken.weights).toEqual(two![0]!.weights);
    expect(broken.memory).toBe(two![0]!.memories[20]);

    const [first, last] = await readdir(checkpoints);
    expect(first).toBe('checkpoint-00000010.safetensors');
    await rm(join(checkpoints, last!));
    for (const results of await Promise.all([goOn(1, checkpoints), goOn(3, checkpoints)])) {
      for (const { refused, losses, weights, memory } of results) {
        expect(refused).toBeUndefined();
        expect(losses).toHaveLength(10);
        expect(difference(weights[20]!, alone.weights[20]!)).toBeLessThan(1e-5);
        expect(memory).toBe(results[0]!.memory);
      }
    }
  });

  describe('with a memory divided among them', () => {
    let four: RankResult[];
    /** Go on from where the four ended, and the one alone with a whole memory. */
    let [pair, single]: RankResult[][] = [];
    beforeAll(async () => {
      const checkpoints = join(folder, 'four');
      [four] = (await train(4, [() => ({ steps: 5, weightsAt: [5], sharded: true, checkpoints })])) as [RankResult[]];
      const ten = { steps: 10, weightsAt: [10] };
      [pair, single] = await Promise.all([
        goOn(2, checkpoints, { ...ten, sharded: true, comparesHeads: true }),
        goOn(1, checkpoints, ten),
      ]);
    }, 300_000);

    it('train as with a whole one, in a quarter of its bytes', () => {
      for (const { losses, weights, bytes, evicted } of four) {
        expect(bytes).toBe(alone.bytes / 4);
        expect(evicted).toBeGreaterThan(10);
        expect(losses).toEqual(four[0]!.losses);
        expect(difference(losses, alone.losses.slice(0, 5))).toBeLessThan(1e-6);
        expect(weights).toEqual(four[0]!.weights);
        expect(difference(weights[5]!, alone.weights[5]!)).toBeLessThan(1e-5);
      }
    });

    it('go on, bit for bit the same, as two or as one, divided or not', () => {
      for (const { refused, memoryBefore } of [pair![0]!, single![0]!]) {
        expect(refused).toBeUndefined();
        expect(memoryBefore).toBe(four[0]!.memory);
      }
      for (const { losses, weights } of [...pair!, ...single!]) {
        expect(losses).toHaveLength(5);
        expect(difference(losses, alone.losses.slice(5, 10))).toBeLessThan(1e-5);
        expect(difference(weights[10]!, alone.weights[10]!)).toBeLessThan(1e-5);
      }
    });

    it('have the values and gradients of a whole one of every loss that can be divided, and refuse others', () => {
      const known = [...Object.keys(losses), 'filtered', 'triplet of the hardest', 'partial-fc'].sort();
      const wholeOnly = ['npc-face', 'uni-face', 'contrastive', 'triplet', 'multi-similarity', 'nt-xent'];
      for (const { refused, compared } of pair!) {
        expect(refused).toBeUndefined();
        expect(Object.keys(compared!).sort()).toEqual(known);
        for (const [name, { refused, difference, values, leaked }] of Object.entries(compared!)) {
          if ([...wholeOnly, 'supervised-contrastive'].includes(name)) {
            expect(refused).toContain(`the loss on columns divided among 2 ranks is "${name}", expected one with a`);
          } else {
            expect(refused, name).toBeUndefined();
            expect(difference, name).toBeLessThan(1e-5);
            expect(leaked, name).toBe(0);
            expect(values).toEqual(pair![0]!.compared![name]!.values);
          }
        }
      }
    });
  });
});
