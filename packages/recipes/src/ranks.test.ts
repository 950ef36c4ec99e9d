import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { enginesAtHand } from '@protomem/engine/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RankResult, RankWork } from '../fixtures/rank.ts';
import { launchRanks } from './launch-ranks.ts';

const native = (await enginesAtHand()).includes('node');

async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}

const script = fileURLToPath(new URL('../fixtures/rank.ts', import.meta.url));
const program = ['--import', 'tsx', '--conditions=@protomem/source', script];

/** Trains in a process for each rank; a batch of 64 in all. */
async function train(size: number, work: Partial<RankWork> | ((rank: number) => Partial<RankWork>)) {
  const addresses = await Promise.all(Array.from({ length: size }, freeAddress));
  const run = async (rank: number): Promise<RankResult> => {
    const own = {
      cluster: { rank, addresses, timeoutSeconds: 60 },
      steps: 20,
      weightsAt: [20],
      ...(typeof work === 'function' ? work(rank) : work),
    };
    const { stdout } = await promisify(execFile)(process.execPath, [...program, JSON.stringify(own)], {
      maxBuffer: 1e9,
    });
    return JSON.parse(stdout) as RankResult;
  };
  return Promise.all(addresses.map((_, rank) => run(rank)));
}

/** Length of the difference beside that of what is expected. */
function difference(found: readonly number[], expected: readonly number[]): number {
  expect(found.length).toBe(expected.length);
  const length = (values: readonly number[]): number => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));
  return length(found.map((value, i) => value - expected[i]!)) / length(expected);
}

describe.skipIf(!native)('ranks that train together', { timeout: 300_000 }, () => {
  let folder: string;
  let alone: RankResult;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'protomem-ranks-'));
    [alone] = (await train(1, {})) as [RankResult];
  }, 300_000);
  afterAll(() => rm(folder, { recursive: true }));

  it('train as one of the same batch, and keep one memory', async () => {
    const [first, second] = (await train(2, { steps: 200 })) as [RankResult, RankResult];
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

  it('leave a checkpoint that one, or three, go on from', async () => {
    const checkpoints = join(folder, 'two');
    await train(2, { steps: 10, checkpoints });
    expect(await readdir(checkpoints)).toEqual(['checkpoint-00000010.safetensors']);
    const goOn = async (size: number): Promise<RankResult[]> => {
      const copy = join(folder, String(size));
      await cp(checkpoints, copy, { recursive: true });
      return train(size, { checkpoints: copy });
    };
    for (const results of await Promise.all([1, 3].map(goOn))) {
      for (const result of results) {
        expect(result.refused).toBeUndefined();
        expect(result.losses).toHaveLength(10);
        expect(difference(result.weights[20]!, alone.weights[20]!)).toBeLessThan(1e-5);
        expect(result.memory).toBe(results[0]!.memory);
      }
    }
  });

  it('go on after one has died, and come to the same weights', async () => {
    const launch = async (name: string, dies?: RankWork['dies']) => {
      const own = join(folder, name);
      await mkdir(own);
      const said: string[] = [];
      const work = { folder: own, checkpoints: join(own, 'checkpoints'), dies, steps: 20, weightsAt: [20] };
      const code = await launchRanks(
        { nprocPerNode: 2, maxRestarts: 1, timeout: 60, logs: join(own, 'logs') },
        { command: [process.execPath, ...program, JSON.stringify(work)], say: (line) => said.push(line) },
      );
      expect(code).toBe(0);
      return { said, ...(JSON.parse(await readFile(join(own, 'result-0.json'), 'utf8')) as RankResult) };
    };
    const [whole, broken] = await Promise.all([launch('whole'), launch('broken', { rank: 1, step: 14 })]);
    expect(broken.said).toContain('launch: rank 1 ended: killed by SIGKILL; the others are ended');
    expect(broken.said.at(-2)).toBe('launch: starting all ranks again, 1 of 1');
    expect(broken.losses).toHaveLength(10);
    expect(broken.weights).toEqual(whole.weights);
    expect(broken.memory).toBe(whole.memory);
  });

  it('refuse to train different runs, and stop where they come apart', async () => {
    const [others, apart] = await Promise.all([
      train(2, (rank) => ({ steps: 20 + rank })),
      train(2, (rank) => ({ steps: 60, rate: 0.02 + rank / 1e6 })),
    ]);
    for (const { refused } of others) {
      expect(refused).toBe(
        'createTrainer: steps of rank 1 is 21, expected 20, as rank 0 has it. All ranks have to train the same run: start them with the same command and configuration.',
      );
    }
    for (const { refused } of apart) {
      expect(refused).toMatch(/^step 50: the weights of rank 1 \(digest\) is \d+, expected \d+, as rank 0 has it/);
    }
  });
});
