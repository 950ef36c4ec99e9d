import { join } from 'node:path';
import { layWire, removeWire, type Wire } from '@protomem/engine/testing';
import { type Link, PIECE, planTable, type StepCosts, stepSeconds } from '../cluster-plan.ts';
import { startAll } from '../contender.ts';
import type { Case, Measured, Suite } from '../suite.ts';
import { timed } from '../timed.ts';
import type { ClusterTask } from './cluster-step.ts';

const STEP = join(import.meta.dirname, 'cluster-step.ts');
const LOOPBACK = { before: [], host: '127.0.0.1' };

/** A step that takes long beside what its ranks have to tell each other. */
const large = { encoder: 'iresnet18', inputSize: 112, batch: 64, slots: 4096, dimension: 512 } as const;
/** One that does not. */
const small = { ...large, inputSize: 48, batch: 32 } as const;

/** Two networks of this machine each, with a wire between them. */
const links = [
  { name: '1 Gbit/s', megabits: 1000 },
  { name: '200 Mbit/s', megabits: 200 },
].map(
  (link, i) =>
    ({
      ...link,
      names: [`protomem-${i}-0`, `protomem-${i}-1`],
      hosts: [`10.${200 + i}.0.1`, `10.${200 + i}.0.2`],
    }) as const satisfies Wire & { readonly name: string },
);

type Wanted = readonly [name: string, task: Partial<ClusterTask>];

/** A case whose contenders share what is `common` to them. */
function caseOf(
  name: string,
  common: typeof large | typeof small,
  wanted: readonly Wanted[],
  more: Partial<Case> = {},
): Case {
  const tasks = wanted.map(([contender, task]): [string, string, string] => {
    const whole = { part: 'step', threads: 1, places: [LOOPBACK], ...common, ...task } satisfies ClusterTask;
    return [contender, STEP, JSON.stringify(whole)];
  });
  return { name, baselines: [], contenders: (report) => startAll(report, tasks), ...more };
}

const onLoopback = (ranks: number): ClusterTask['places'] => Array.from({ length: ranks }, () => LOOPBACK);

const placesOf = ({ names, hosts }: Wire): ClusterTask['places'] =>
  names.map((name, rank) => ({ before: ['ip', 'netns', 'exec', name], host: hosts[rank]! }));

const measured = timed({
  about: 'training whose batch several processes share, beside one process, and beside what a model says of it',
  warmup: 1,
  rounds: { full: 7, quick: 3 },
  cases: [
    caseOf(
      'iresnet18',
      large,
      [
        ['1 rank x 2 threads', { threads: 2 }],
        ['2 ranks x 1 thread', { places: onLoopback(2) }],
      ],
      { baselines: ['1 rank x 2 threads'], ratio: 'speed', key: () => 'two-ranks/one-rank@iresnet18' },
    ),
    caseOf('parts of a step', small, [
      ...[32, 16, 8].map((batch): Wanted => [`encoder, ${batch} images`, { part: 'encoder', batch }]),
      ['head', { part: 'head' }],
      ['sum of 64 KB over 2 ranks', { part: { bytes: 64e3 }, places: onLoopback(2) }],
      ['sum of 8 MB over 2 ranks', { part: { bytes: PIECE }, places: onLoopback(2) }],
    ]),
    caseOf('ranks on this machine', small, [
      ...[1, 2, 4].map((ranks): Wanted => [`${ranks} x 1 thread`, { places: onLoopback(ranks) }]),
      ['2 x 1 thread, synchronized norms', { places: onLoopback(2), synchronizeNorms: true }],
    ]),
    caseOf(
      '2 ranks, each behind a wire',
      small,
      links.flatMap((link): Wanted[] => [
        [link.name, { places: placesOf(link) }],
        [`${link.name}, bfloat16`, { places: placesOf(link), compressGradients: true }],
      ]),
    ),
  ],
});

/** Seconds that a case found. */
const seconds = (of: Measured | undefined): number => (of?.time?.median ?? Number.NaN) / 1000;

/** What the parts of a step cost, as they were measured: times of the encoder on a line through the largest and the smallest batch. */
function costsOf(parts: Readonly<Record<string, Measured>>): StepCosts {
  const [many, few] = [seconds(parts['encoder, 32 images']), seconds(parts['encoder, 8 images'])];
  const each = (many - few) / (32 - 8);
  const piece = seconds(parts['sum of 64 KB over 2 ranks']);
  return {
    encoder: (images) => few + each * (images - 8),
    head: seconds(parts.head),
    gradientBytes: Number(parts['encoder, 32 images']?.about.gradientBytes),
    reduction: { piece, byte: (seconds(parts['sum of 8 MB over 2 ranks']) - piece) / PIECE },
  };
}

/** Is a machine shared by ranks as fast as by threads, and does a model predict what more of them take? */
export const cluster: Suite = {
  about: measured.about,
  async run(run) {
    const absent: string[] = [];
    try {
      links.forEach(layWire);
    } catch (error) {
      absent.push(`No ranks behind wires: ${(error as Error).message.trim().replaceAll('\n', ' ')}`);
    }
    try {
      const found = await measured.run(run);
      return { ...found, absent: [...found.absent, ...absent], notes: [predicted(found.cases), plan] };
    } finally {
      links.forEach(removeWire);
    }
  },
};

function predicted(cases: Readonly<Record<string, Readonly<Record<string, Measured>>>>): string {
  const costs = costsOf(cases['parts of a step'] ?? {});
  const cores = 2;
  const of = (name: string, ranks: number, link?: Link) => ({
    name,
    by: stepSeconds(costs, small.batch, ranks, { cores, link }),
  });
  const rows = [
    ...[1, 2, 4].map((ranks) => of(`${ranks} x 1 thread`, ranks)),
    ...links.map(({ name, megabits }) => of(name, 2, { bytesPerSecond: (megabits * 1e6) / 8, latency: 0 })),
  ].map(({ name, by }) => {
    const took = seconds(cases['ranks on this machine']?.[name] ?? cases['2 ranks, each behind a wire']?.[name]);
    return `| ${name} | ${(1000 * by).toFixed(0)} | ${(1000 * took).toFixed(0)} | ${(by / took).toFixed(2)} |`;
  });
  return [
    '## What the parts predict',
    '',
    `Of a step of the small task, by the model of cluster-plan.ts, from the parts above alone; ${cores} cores.`,
    '',
    '| | predicted ms | measured ms | predicted/measured |',
    '| --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

const plan = `## What more machines would take, by arithmetic

Assumptions are named in docs/scale.md. Nothing here was measured by us.

${planTable()}`;
