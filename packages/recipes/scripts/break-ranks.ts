// Trains over two processes again and again, and does to one what machines do: kills it at a random instant, freezes it. Every
// run has to be over in time, say which rank it was, and, started again once, come to the weights of one that nothing happened to.
//
//   node --import tsx --conditions=@protomem/source packages/recipes/scripts/break-ranks.ts [kills] [freezes] [seed]
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Random } from '@protomem/core';
import type { RankResult, RankWork } from '../fixtures/rank.ts';
import { launchRanks } from '../src/launch-ranks.ts';

const [kills = 20, freezes = 2, seed = 1] = process.argv.slice(2).map(Number);
const random = new Random(seed);
const program = ['--import', 'tsx', '--conditions=@protomem/source'];
const script = fileURLToPath(new URL('../fixtures/rank.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'protomem-break-'));

/** Seconds that a process waits for a frozen one, and those within which all have to be over once that is known. */
const [TIMEOUT, OVER] = [20, 10];

interface Trial {
  readonly code: number;
  readonly said: readonly { readonly line: string; readonly at: number }[];
  readonly result: RankResult;
}

/** One run, restarted once at most; `disturb` gets its folder. */
async function trial(disturb: (own: string) => Promise<void>): Promise<Trial> {
  const own = mkdtempSync(join(folder, 'run-'));
  const said: { line: string; at: number }[] = [];
  const work: RankWork = { folder: own, checkpoints: join(own, 'checkpoints'), steps: 60, weightsAt: [60] };
  const running = launchRanks(
    { nprocPerNode: 2, maxRestarts: 1, timeout: TIMEOUT, logs: join(own, 'logs') },
    {
      command: [process.execPath, ...program, script, JSON.stringify(work)],
      say: (line) => said.push({ line, at: performance.now() }),
    },
  );
  await disturb(own);
  const code = await running;
  const result = JSON.parse(readFileSync(join(own, 'result-0.json'), 'utf8')) as RankResult;
  return { code, said, result };
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

const whole = await trial(async () => undefined);
// The first has the files read from the disk; the second says how long a run takes.
const begun = performance.now();
await trial(async () => undefined);
const seconds = (performance.now() - begun) / 1000;
console.log(`nothing happens: exit code ${whole.code}, ${seconds.toFixed(1)} s, ${whole.result.losses.length} steps`);

let failures = 0;
/** @returns whether the run was not over before it was disturbed */
async function disturbed(what: 'SIGKILL' | 'SIGSTOP', limit: number): Promise<boolean> {
  const [rank, early, share] = [random.below(2), random.below(2) === 0, random.uniform()];
  let at = 0;
  const { code, said, result } = await trial(async (own) => {
    // Every other time only once it has a checkpoint, so that it is not the start alone that is hit.
    if (early) {
      while (!existsSync(join(own, `pid-${rank}`))) await sleep(20);
      await sleep(share * 0.5 * seconds * 1000);
    } else {
      while (!existsSync(join(own, 'checkpoints', 'checkpoint-00000010.safetensors'))) await sleep(20);
      await sleep(share * 0.2 * seconds * 1000);
    }
    at = performance.now();
    try {
      process.kill(Number(readFileSync(join(own, `pid-${rank}`), 'utf8')), what);
    } catch {
      at = 0;
    }
  });
  const restart = said.find(({ line }) => line.includes('again'));
  const took = restart ? (restart.at - at) / 1000 : 0;
  const reason = said.find(({ line }) => line.includes('ended:'))?.line ?? 'it was over by then';
  const right = code === 0 && same(result.weights, whole.result.weights) && result.memory === whole.result.memory;
  const good = right && (!restart || took <= limit);
  if (!good) failures++;
  console.log(
    `${good ? 'good' : 'BAD'}: ${what} of rank ${rank}${early ? ', early' : ''}: all over in ${took.toFixed(1)} s, ${reason}; ` +
      `exit code ${code}, weights and memory ${right ? 'the same' : 'OTHERS'}, ${result.losses?.length} steps in the last attempt`,
  );
  return restart !== undefined || !good;
}

for (let i = 0; i < kills; ) if (await disturbed('SIGKILL', OVER)) i++;
for (let i = 0; i < freezes; ) if (await disturbed('SIGSTOP', TIMEOUT + OVER)) i++;
rmSync(folder, { recursive: true });
console.log(failures === 0 ? 'all good' : `${failures} BAD`);
process.exitCode = failures === 0 ? 0 : 1;
