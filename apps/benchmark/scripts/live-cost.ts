/**
 * What the live page costs: one run of the demo recipe, its page opened and closed by turns, and the median time of a
 * step while it is open over that while it is closed. Turns are short against whatever else the machine does.
 *
 *   node --import tsx --conditions=@protomem/source apps/benchmark/scripts/live-cost.ts [TURNS] [SECONDS]
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const [turns = 24, seconds = 10] = process.argv.slice(2).map(Number);
const out = await mkdtemp(join(tmpdir(), 'protomem-live-cost-'));
const cli = join(import.meta.dirname, '../../train/src/cli.ts');
const patches = ['steps=100000', 'evaluation.every=0', 'checkpoint.every=100000'].flatMap((patch) => ['--set', patch]);
const options = ['--import', 'tsx', '--conditions=@protomem/source', cli];
const child = spawn(process.execPath, [...options, 'demo', '--out', out, '--live', '--live-port', '0', ...patches]);
let said = '';
child.stdout.on('data', (data) => (said += data));
child.stderr.on('data', (data) => (said += data));
while (!/step 1\//.test(said)) await sleep(100);
const url = /live: (\S+)/.exec(said)![1]!;
// Speed of the first steps is that of a cold machine.
await sleep(20_000);

const spans: { readonly open: boolean; readonly from: number; readonly to: number }[] = [];
for (let turn = 0; turn < turns; turn++) {
  const open = turn % 4 === 1 || turn % 4 === 2;
  const page = open ? request(`${url}events`, (response) => response.resume().on('error', () => undefined)) : undefined;
  page?.on('error', () => undefined).end();
  const from = Date.now() / 1000;
  await sleep(1000 * seconds);
  spans.push({ open, from, to: Date.now() / 1000 });
  page?.destroy();
}
child.kill('SIGKILL');
const lines = (await readFile(join(out, 'log.jsonl'), 'utf8')).split('\n').filter((line) => line.endsWith('}'));
const steps = lines
  .map((line) => JSON.parse(line))
  .map(({ time }, i, all) => [time, time - (all[i - 1]?.time ?? time)]);
const times = (open: boolean): number[] =>
  spans
    .filter((span) => span.open === open)
    .flatMap(({ from, to }) => steps.filter(([time]) => time > from && time <= to).map(([, took]) => took))
    .sort((a, b) => a - b);
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const median = (values: readonly number[]): number => values[Math.floor(values.length / 2)]!;
const [open, closed] = [times(true), times(false)];
const percent = (of: (values: readonly number[]) => number): string =>
  `${(100 * (of(open) / of(closed) - 1)).toFixed(2)} %`;
console.log(`${open.length} steps with the page open, ${closed.length} with it closed`);
console.log(
  `median ${(1000 * median(closed)).toFixed(1)} ms closed; open: median ${percent(median)}, mean ${percent(mean)}`,
);
await rm(out, { recursive: true });
