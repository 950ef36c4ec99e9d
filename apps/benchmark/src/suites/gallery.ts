import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FROM_SOURCE } from '../contender.ts';
import type { Measured, Suite } from '../suite.ts';

const STEP = join(import.meta.dirname, 'gallery-step.ts');
const WIDTHS = [128, 512];

/** What a gallery of many people costs: to enrol, to keep, to search, and what approximate search misses. */
export const gallery: Suite = {
  about: 'people enrolled, kept and found: one file, exact search beside usearch',
  async run({ quick, say }) {
    const [people, durable, queries] = quick ? [5000, 100, 50] : [100_000, 1000, 1000];
    const cases: Record<string, Record<string, Measured>> = {};
    for (const width of WIDTHS) {
      say(`${people} people, ${width} numbers each`);
      const args = ['--expose-gc', ...FROM_SOURCE, STEP];
      const { stdout } = await promisify(execFile)(process.execPath, [
        ...args,
        ...[width, people, durable, queries].map(String),
      ]);
      const figures = JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, number>;
      for (const [name, value] of Object.entries(figures)) {
        cases[name] = { ...cases[name], [`width ${width}`]: { about: {}, figures: { value } } };
      }
    }
    return {
      unit: '',
      cases: { [`${people.toLocaleString('en')} people, one image each`]: tableOf(cases) },
      ratios: {},
      taken: `One process a width; one query at a time, ${queries} of them, on one thread where search is exact. People are simulated: a direction at random each, faces that stray from it.`,
      absent: [],
      notes: [
        'One by one, each enrolment is on the disk (`fsync`) before the next begins; in bulk, 1,000 people are. `MiB in memory` is what JavaScript holds for an open gallery, the names of people and images with it; `MiB of the graph` what the process grew by. Neighbours behind the first are strangers in all directions, nearly as far away as each other: of those, a graph of neighbours misses some.',
      ],
    };
  },
};

/** Figures by width, as contenders: a row each. */
function tableOf(byFigure: Readonly<Record<string, Readonly<Record<string, Measured>>>>): Record<string, Measured> {
  return Object.fromEntries(
    Object.entries(byFigure).map(([figure, widths]) => [
      figure,
      {
        about: {},
        figures: Object.fromEntries(Object.entries(widths).map(([width, one]) => [width, one.figures!.value!])),
      },
    ]),
  );
}
