import { mkdir } from 'node:fs/promises';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { lookUp, ProtomemError, writeFileAtomic } from '@protomem/core';
import { type Summary, summarize } from './statistics.ts';
import type { Suite } from './suite.ts';
import { encoder, encoderWasm } from './suites/encoder.ts';

const suites: Readonly<Record<string, Suite>> = { encoder, 'encoder-wasm': encoderWasm };

const help = `Measure protomem beside others, in one run, taking turns.

  npm run bench -- SUITE [--out DIR] [--quick]

Suites
${Object.entries(suites)
  .map(([name, { about }]) => `  ${name.padEnd(12)} ${about}`)
  .join('\n')}

  --out DIR   where SUITE.json and SUITE.md go (default benchmarks)
  --quick     fewer rounds
  PROTOMEM_PYTHON names the Python to compare with (default python3)
`;

const options = {
  out: { type: 'string', default: 'benchmarks' },
  quick: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const name = positionals[0];
  if (values.help || name === undefined) {
    console.log(help);
    return;
  }
  const suite = lookUp('bench', 'SUITE', suites, name);
  const result = await runSuite(name, suite, values.quick);
  await mkdir(values.out, { recursive: true });
  await writeFileAtomic(join(values.out, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
  const table = markdown(result);
  await writeFileAtomic(join(values.out, `${name}.md`), table);
  console.log(`\n${table}\nwritten to ${join(values.out, `${name}.json`)} and .md`);
}

interface Result {
  readonly suite: string;
  readonly about: string;
  readonly date: string;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly unit: string;
  readonly contenders: Readonly<Record<string, { readonly about: object; readonly time: Summary }>>;
  /** Time of the first over time of the second: below 1, the first is faster. Median of the rounds' own ratios. */
  readonly ratios: Readonly<Record<string, number>>;
  readonly absent: readonly string[];
}

async function runSuite(name: string, suite: Suite, quick: boolean): Promise<Result> {
  const absent: string[] = [];
  const contenders = await suite.contenders((text) => {
    console.log(text);
    absent.push(text);
  });
  if (contenders.length === 0) {
    throw new ProtomemError({ where: 'bench', what: 'contenders', got: 'none', expected: 'at least one that starts' });
  }
  const times = new Map<string, number[]>(contenders.map((contender) => [contender.name, []]));
  const rounds = suite.rounds[quick ? 'quick' : 'full'];
  for (let step = 1; step <= suite.warmup; step++) {
    for (const contender of contenders) await contender.measure();
    console.log(`warm-up ${step}/${suite.warmup}`);
  }
  const begun = performance.now();
  for (let round = 1; round <= rounds; round++) {
    // A B C A B C: whatever drifts in the machine hits all of them.
    for (const contender of contenders) times.get(contender.name)!.push(await contender.measure());
    const left = ((performance.now() - begun) / round) * (rounds - round);
    const line = contenders.map((c) => `${c.name} ${times.get(c.name)!.at(-1)!.toFixed(0)}`).join('  ');
    console.log(`round ${round}/${rounds}  ${line} ${suite.unit}  ETA ${(left / 1000).toFixed(0)} s`);
  }
  for (const contender of contenders) contender.stop();

  const ratios: Record<string, number> = {};
  for (const baseline of suite.baselines) {
    const theirs = times.get(baseline);
    for (const [contender, ours] of theirs ? times : []) {
      if (suite.baselines.includes(contender)) continue;
      ratios[`${contender}/${baseline}@${suite.caseName}`] = summarize(ours.map((ms, i) => ms / theirs![i]!)).median;
    }
  }
  return {
    suite: name,
    about: suite.about,
    date: new Date().toISOString(),
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      system: `${type()} ${release()}`,
      node: process.version,
    },
    unit: suite.unit,
    contenders: Object.fromEntries(
      contenders.map(({ name, about }) => [name, { about, time: summarize(times.get(name)!) }]),
    ),
    ratios,
    absent,
  };
}

function markdown(result: Result): string {
  const machine = Object.entries(result.machine).map(([key, value]) => `${key} ${value}`);
  const rows = Object.entries(result.contenders).map(([name, { about, time }]) => {
    const { version = '', threads = '', precision = '' } = about as Record<string, unknown>;
    const figures = [time.median, time.p10, time.p90].map((ms) => ms.toFixed(0)).join(' | ');
    return `| ${name} | ${version} | ${threads} | ${precision} | ${time.runs} | ${figures} |`;
  });
  return `# ${result.suite}: ${result.about}

${result.date}, ${machine.join(', ')}. Contenders took turns in one run.

| contender | version | threads | precision | runs | median ${result.unit} | p10 | p90 |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}

| ratio of times (below 1: the first is faster) | |
|---|---|
${Object.entries(result.ratios)
  .map(([key, value]) => `| ${key} | ${value.toFixed(3)} |`)
  .join('\n')}
${result.absent.map((text) => `\n${text}`).join('\n')}`;
}

main().catch((error: unknown) => {
  console.error(error instanceof ProtomemError ? `error: ${error.message}` : error);
  process.exitCode = 1;
});
