// Trains over two processes again and again, and does to one what machines do: kills it at a random instant, freezes it, cuts its
// network, gives it another configuration or other code, takes its port. Every run has to be over in time and say which rank it was;
// where starting again is worth something, the run comes to the weights of one that nothing happened to.
//
//   node --import tsx --conditions=@protomem/source packages/recipes/scripts/break-ranks.ts [kills] [freezes] [seed]
//
// The network is cut between two namespaces, which wants root and `ip`; else that is left out, and said.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Random } from '@protomem/core';
import { freePort } from '@protomem/core/node';
import { layWire, removeWire, setWire, type Wire } from '@protomem/engine/testing';
import type { RankResult, RankRun, RankTask } from '../fixtures/rank.ts';
import { type LaunchOptions, launchRanks } from '../src/launch-ranks.ts';

const [kills = 20, freezes = 2, seed = 1] = process.argv.slice(2).map(Number);
const random = new Random(seed);
const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'protomem-break-'));

/** Seconds that a process waits for a silent one, and those within which all have to be over once that is known. */
const [TIMEOUT, OVER] = [20, 10];

const now = (): number => performance.now() / 1000;
const program = (task: RankTask, at = root): string[] => [
  ...['--import', 'tsx', '--conditions=@protomem/source', join(at, 'packages/recipes/fixtures/rank.ts')],
  JSON.stringify(task),
];
const newFolder = (): string => mkdtempSync(join(folder, 'run-'));
const run = (own: string): RankRun => ({ checkpoints: join(own, 'checkpoints'), steps: 60, weightsAt: [60] });
const resultOf = (own: string, rank: number): Partial<RankResult> => {
  const file = join(own, `result-${rank}.json`);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8'))[0] : {};
};

interface Launched {
  readonly codes: readonly number[];
  readonly said: readonly { readonly line: string; readonly at: number }[];
  readonly own: string;
}

/** One run, restarted once at most; `disturb` gets its folder. */
async function launched(
  machines: readonly (Partial<LaunchOptions> & { readonly before?: readonly string[] })[],
  disturb: (own: string, said: Launched['said']) => Promise<unknown> = async () => undefined,
): Promise<Launched> {
  const own = newFolder();
  const said: { line: string; at: number }[] = [];
  const all = machines.map(({ before = [], ...options }, i) =>
    launchRanks(
      { maxRestarts: 1, timeout: TIMEOUT, logs: join(own, `logs-${i}`), ...options },
      {
        command: [...before, process.execPath, ...program({ folder: own, runs: [run(own)] })] as [string, ...string[]],
        say: (line) => said.push({ line, at: now() }),
      },
    ),
  );
  await disturb(own, said);
  return { codes: await Promise.all(all), said, own };
}

/** Two processes that no launcher watches and TF_CONFIG tells where they are. */
async function unwatched(
  change: (rank: number) => Partial<RankRun>,
  more: { readonly ports?: readonly number[]; readonly roots?: readonly string[] } = {},
): Promise<{ refused: (string | undefined)[]; seconds: number; own: string }> {
  const own = newFolder();
  const ports = more.ports ?? [await freePort('127.0.0.1'), await freePort('127.0.0.1')];
  const worker = ports.map((port) => `127.0.0.1:${port}`);
  const begun = now();
  await Promise.all(
    worker.map(async (_, index) => {
      const TF_CONFIG = JSON.stringify({ cluster: { worker }, task: { type: 'worker', index } });
      const task = { folder: own, rank: index, runs: [{ ...run(own), ...change(index) }] };
      const env = { ...process.env, TF_CONFIG, PROTOMEM_TIMEOUT: String(TIMEOUT) };
      await once(spawn(process.execPath, program(task, more.roots?.[index]), { env, stdio: 'ignore' }), 'exit');
    }),
  );
  return { refused: [0, 1].map((rank) => resultOf(own, rank).refused), seconds: now() - begun, own };
}

let failures = 0;
function report(good: boolean, what: string, found: string): void {
  if (!good) failures++;
  console.log(`| ${good ? 'good' : '**BAD**'} | ${what} | ${found.replaceAll('|', '/').replaceAll('\n', ' ')} |`);
}

const whole = await launched([{ nprocPerNode: 2 }]);
const expected = resultOf(whole.own, 0);
const isExpected = ({ weights, memory }: Partial<RankResult>): boolean =>
  JSON.stringify(weights) === JSON.stringify(expected.weights) && memory === expected.memory;
// The first has the files read from the disk; the second says how long a run takes.
const begun = now();
await launched([{ nprocPerNode: 2 }]);
const seconds = now() - begun;
console.log('| | what happens | what comes of it |\n| --- | --- | --- |');
report(whole.codes[0] === 0 && expected.losses?.length === 60, 'nothing', `${seconds.toFixed(1)} s, 60 steps`);

const checkpointed = async (own: string): Promise<void> => {
  while (!existsSync(join(own, 'checkpoints', 'checkpoint-00000010.safetensors'))) await sleep(20);
};

/** @returns whether the run was not over before it was disturbed */
async function signalled(what: 'SIGKILL' | 'SIGSTOP', limit: number): Promise<boolean> {
  const [rank, early, share] = [random.below(2), random.below(2) === 0, random.uniform()];
  let at = 0;
  const { codes, said, own } = await launched([{ nprocPerNode: 2 }], async (own) => {
    // Every other time only once it has a checkpoint, so that it is not the start alone that is hit.
    if (early) while (!existsSync(join(own, `pid-${rank}`))) await sleep(20);
    else await checkpointed(own);
    await sleep(share * (early ? 0.5 : 0.2) * seconds * 1000);
    at = now();
    try {
      process.kill(Number(readFileSync(join(own, `pid-${rank}`), 'utf8')), what);
    } catch {
      at = 0;
    }
  });
  const restart = said.find(({ line }) => line.includes('again'));
  if (!restart && codes[0] === 0) return false;
  const took = restart ? restart.at - at : 0;
  const reason = said.find(({ line }) => line.includes('ended:'))?.line;
  const result = resultOf(own, 0);
  const right = codes[0] === 0 && isExpected(result);
  report(
    right && took <= limit && reason !== undefined,
    `${what} of rank ${rank}${early ? ', early' : ''}`,
    `all over in ${took.toFixed(1)} s: ${reason}; then ${result.losses?.length} steps, weights and memory ${right ? 'the same' : 'OTHERS'}`,
  );
  return true;
}

for (let i = 0; i < kills; ) if (await signalled('SIGKILL', OVER)) i++;
for (let i = 0; i < freezes; ) if (await signalled('SIGSTOP', TIMEOUT + OVER)) i++;

async function cutNetwork(): Promise<void> {
  const wire: Wire = { names: ['protomem-break-0', 'protomem-break-1'], hosts: ['10.219.0.1', '10.219.0.2'] };
  try {
    layWire(wire);
  } catch (error) {
    console.log(`| left out | the network is cut | ${(error as Error).message.trim().replaceAll('\n', ' ')} |`);
    return;
  }
  let at = 0;
  const machines = wire.names.map((name, nodeRank) => {
    return { nnodes: 2, nodeRank, master: '10.219.0.1:21000', before: ['ip', 'netns', 'exec', name] };
  });
  const { codes, said, own } = await launched(machines, async (own, said) => {
    await checkpointed(own);
    at = now();
    setWire(wire, 'down');
    while (said.filter(({ line }) => line.includes('again')).length < 2) await sleep(50);
    setWire(wire, 'up');
  });
  const took = Math.max(...said.filter(({ line }) => line.includes('again')).map((one) => one.at - at));
  const sentence = readFileSync(join(own, 'logs-1', 'rank-1.log'), 'utf8').match(/^rank 1 of 2: .*$/m)?.[0];
  const right = codes.every((code) => code === 0) && isExpected(resultOf(own, 0));
  const found = `all over in ${took.toFixed(1)} s: ${sentence}; then weights and memory ${right ? 'the same' : 'OTHERS'}`;
  report(right && took < TIMEOUT + OVER && sentence !== undefined, 'the network is cut, and mended', found);
  removeWire(wire);
}
await cutNetwork();

const good = await unwatched(() => ({}));
report(
  isExpected(resultOf(good.own, 1)),
  'nothing, by TF_CONFIG and without a launcher',
  `${good.seconds.toFixed(1)} s, the same`,
);

/** A failure that both see before the first step, and no restart mends. */
function refused(what: string, found: Awaited<ReturnType<typeof unwatched>>, sentences: readonly RegExp[]): void {
  const all = sentences.every((sentence, rank) => sentence.test(found.refused[rank] ?? ''));
  const said = found.refused.map((sentence, rank) => `rank ${rank} says: ${sentence}`).join('; ');
  report(all && found.seconds < TIMEOUT + seconds + OVER, what, `over in ${found.seconds.toFixed(1)} s; ${said}`);
}

const otherSteps = /steps of rank 1 is 61, expected 60, as rank 0 has it/;
refused('another configuration', await unwatched((rank) => ({ steps: 60 + rank })), [otherSteps, otherSteps]);

const other = join(folder, 'other-code');
mkdirSync(other);
for (const name of ['node_modules', 'package.json', 'tsconfig.base.json'])
  symlinkSync(join(root, name), join(other, name));
cpSync(join(root, 'packages'), join(other, 'packages'), {
  recursive: true,
  verbatimSymlinks: true,
  filter: (path) => !/\/(dist|\.turbo)$/.test(path),
});
const changed = join(other, 'packages/core/src/random.ts');
writeFileSync(changed, `// Otherwise.\n${readFileSync(changed, 'utf8')}`);
const otherCode = /the code of protomem \(digest\) of rank 1 is "\w+", expected \w+, as rank 0 has it/;
refused('other code', await unwatched(() => ({}), { roots: [root, other] }), [otherCode, otherCode]);

const taken = createServer().listen(0, '127.0.0.1');
await once(taken, 'listening');
const { port } = taken.address() as { port: number };
const ownPort = [/the server at 127\.0\.0\.1:\d+ is "not starting: /, /rank 0 at 127\.0\.0\.1:\d+ is "(silent|gone)/];
refused("rank 0's port is taken", await unwatched(() => ({}), { ports: [port, await freePort('127.0.0.1')] }), ownPort);

const meeting = await launched([{ nprocPerNode: 2, maxRestarts: 0, master: `127.0.0.1:${port}` }]);
const sentence = resultOf(meeting.own, 0).refused;
report(
  meeting.codes[0] !== 0 && /is "not to be had: /.test(sentence ?? ''),
  'the port where they meet is taken',
  `rank 0 says: ${sentence}`,
);
taken.close();

rmSync(folder, { recursive: true });
console.log(failures === 0 ? '\nall good' : `\n${failures} BAD`);
process.exitCode = failures === 0 ? 0 : 1;
