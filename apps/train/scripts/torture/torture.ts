import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Random } from '@protomem/core';
import { scenarios } from './scenarios.ts';
import { Broken, makeWorld } from './world.ts';

const help = `npm run torture -- [--minutes N] [--seed N] [--only NAME] [--keep]

Disturbs runs of the command line at random, for N minutes (default 1), and counts what did not hold:
${Object.keys(scenarios)
  .map((name) => `  ${name}\n`)
  .join('')}
--keep leaves the files of what failed.`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Math.floor(Date.now() / 1000)) },
    only: { type: 'string' },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit();
}
const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
if (!(minutes > 0) || !Number.isSafeInteger(seed)) throw new Error(`expected numbers; ${help}`);
const names = Object.keys(scenarios).filter((name) => name.includes(values.only ?? ''));
if (names.length === 0) throw new Error(`--only ${values.only}: expected one of ${Object.keys(scenarios).join(', ')}`);

const dir = await mkdtemp(join(tmpdir(), 'protomem-torture-'));
console.log(`seed ${seed}, in ${dir}; the undisturbed run comes first`);
const begun = performance.now();
const world = await makeWorld(dir, new Random(seed));
console.log(`undisturbed: ${(world.duration / 1000).toFixed(1)} s`);
const counts = new Map(names.map((name) => [name, { tried: 0, held: 0, failed: 0 }]));
for (let round = 0; performance.now() - begun < 60_000 * minutes; round++) {
  const name = names[round % names.length]!;
  const count = counts.get(name)!;
  count.tried++;
  try {
    await scenarios[name]!(world);
    count.held++;
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    count.failed++;
    console.log(`FAILED: ${name}: ${error.message}`);
    if (values.keep) continue;
  }
  for (const entry of await readdir(dir)) {
    if (entry.startsWith('try-')) await rm(join(dir, entry), { recursive: true });
  }
}
if (!values.keep) await rm(dir, { recursive: true });
console.table(Object.fromEntries(counts));
const sum = (key: 'tried' | 'held' | 'failed'): number => [...counts.values()].reduce((all, one) => all + one[key], 0);
console.log(`${sum('tried')} tried, ${sum('held')} held, ${sum('failed')} failed; seed ${seed}`);
process.exitCode = sum('failed') > 0 ? 1 : 0;
