import { totalmem } from 'node:os';
import { join } from 'node:path';
import { startAll } from '../contender.ts';
import type { Suite } from '../suite.ts';
import { timed } from '../timed.ts';

const STEP = join(import.meta.dirname, 'scale-step.ts');
const [COLUMNS, BATCH, CLASSES, DIMENSION] = [8192, 256, 64, 512];

const sizes = ['1e4', '1e5', '1e6', '1e7', '1e8', '1e9'];
/** Weights and momentum of Partial FC. */
const partialFcBytes = (identities: number): number => 2 * 4 * DIMENSION * identities;
/** More than a third of the machine's memory is left to the others and to what a step needs. */
const fits = (size: string): boolean => partialFcBytes(Number(size)) < totalmem() / 3;

const measured = timed({
  about: `Prototype Memory over N identities, ${COLUMNS} slots, batch ${BATCH} of ${CLASSES} classes, width ${DIMENSION}`,
  warmup: 2,
  rounds: { full: 25, quick: 5 },
  cases: [
    {
      name: 'scale',
      baselines: ['prototype-memory@1e4'],
      key: (a, b, figure = 'step') => [a, b].map((name) => name.replace('prototype-memory', figure)).join('/'),
      contenders: (report) => {
        for (const size of sizes.filter((size) => !fits(size))) {
          const gib = (partialFcBytes(Number(size)) / 2 ** 30).toFixed(0);
          report(`partial-fc@${size} does not fit: weights and momentum alone take ${gib} GiB.`);
        }
        const task = [COLUMNS, BATCH, CLASSES, DIMENSION].map(String);
        const contender = (head: string, size: string) =>
          [`${head}@${size}`, STEP, head, String(Number(size)), ...task] as const;
        return startAll(report, [
          ...sizes.map((size) => contender('prototype-memory', size)),
          ...sizes.filter(fits).map((size) => contender('partial-fc', size)),
        ]);
      },
    },
  ],
});

/** Does a step's time or memory depend on the number of identities? */
export const scale: Suite = {
  about: measured.about,
  async run(run) {
    const found = await measured.run(run);
    const smallest = sizes.find((size) => {
      const partial = found.cases.scale?.[`partial-fc@${size}`]?.figures?.heldMiB;
      return partial !== undefined && partial > found.cases.scale![`prototype-memory@${size}`]!.figures!.heldMiB!;
    });
    const crossover = COLUMNS / 2;
    const note =
      `Partial FC keeps a weight and its momentum for every identity, ${(8 * DIMENSION) / 1024} KiB each: by arithmetic more than` +
      ` this memory of ${COLUMNS} slots from ${crossover} identities on, as measured from N = ${smallest}, the smallest` +
      ' here, and it ends where they no longer fit.';
    return { ...found, notes: [note] };
  },
};
