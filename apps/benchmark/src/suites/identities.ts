import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { encodedSource, writeDataset } from '@protomem/data';
import { parseConfig, patchConfig, runFolder, settled } from '@protomem/recipes';
import { syntheticFaces } from '@protomem/synthetic';
import { named } from '../study/go-through.ts';
import { folderOf, keyOf, type StudyOptions, study, type Wanted } from '../study/study.ts';
import { type Column, casesOf, meanAndError, whereRun } from '../study/summarize-runs.ts';
import type { Measured, Suite, SuiteRun } from '../suite.ts';
import { CLASSES, type Contender, contenders, searchFor, slots } from './identities-arms.ts';

const [IMAGES, SIZE] = [8, 32];
/** Far from those who are trained on, in one population, and those who choose settings from those who are reported. */
const [HELD_OUT, FIRST_HELD_OUT, FIRST_CHOOSING, HELD_OUT_IMAGES] = [2000, 1_000_000, 2_000_000, 3];
const LOSS = { name: 'cos-face', scale: 30, margin: 0.35 } as const;
const WORK = join('runs', 'bench-identities');

/** Steps of a softmax over the batch, which all heads go on from, and of each head after them. */
interface Extent {
  readonly identities: readonly number[];
  readonly seeds: readonly number[];
  readonly start: number;
  readonly steps: number;
}
const extents: { readonly full: Extent; readonly quick: Extent } = {
  full: { identities: [1000, 10_000, 50_000], seeds: [0, 1, 2], start: 2000, steps: 8000 },
  quick: { identities: [5000], seeds: [0, 1], start: 1200, steps: 600 },
};

const shown: readonly Column[] = [
  { key: 'tar-1e-2', name: 'TAR@1e-2 %', percent: true },
  { key: 'tar-1e-3', name: 'TAR@1e-3 %', percent: true },
  { key: 'tar-1e-4', name: 'TAR@1e-4 %', percent: true },
  { key: 'accuracy', name: 'accuracy %', percent: true },
  { key: 'hit-rate', name: 'hit rate' },
  { key: 'cosine-youngest', name: 'cosine, youngest' },
  { key: 'cosine-oldest', name: 'cosine, oldest' },
  { key: 'seconds', name: 'seconds' },
  { key: 'headMiB', name: 'head MiB' },
];

/** What a memory is worth with many more identities than a batch or a memory holds. */
export const identities: Suite = {
  about: `synthetic faces, ${IMAGES} images of each identity at ${SIZE}x${SIZE}: every head goes on from one encoder; all pairs of ${HELD_OUT} people never seen`,
  async run({ quick, earlier = false, only, say, out }: SuiteRun) {
    const extent = extents[quick ? 'quick' : 'full'];
    const concurrency = availableParallelism();
    const options: StudyOptions = {
      ...{ file: join(out, 'identities-runs.jsonl'), work: WORK, concurrency, earlierCode: earlier, say },
      only: ({ name, group }) => named(`${name} of ${group}`, only),
    };
    const heldOut = await rendered(say, HELD_OUT, HELD_OUT_IMAGES, FIRST_HELD_OUT);
    const choosing = quick ? heldOut : await rendered(say, HELD_OUT, HELD_OUT_IMAGES, FIRST_CHOOSING);
    const cases: Record<string, Record<string, Measured>> = {};
    const ratios: Record<string, number> = {};
    const all = [];
    const absent: string[] = [];
    for (const n of extent.identities) {
      const data = fileOf(n, IMAGES, 0);
      const starts = extent.seeds.map((seed) => startOf(n, seed, extent, data));
      const wanted = starts.flatMap((start) => [
        ...contenders(n, extent.steps, quick).map((one) => goOn(start, one, extent, heldOut)),
        ...searchFor(n, start.config.seed).map((one) => goOn(start, one, extent, choosing)),
      ]);
      if (wanted.some((one) => named(`${one.name} of ${one.group}`, only))) {
        await rendered(say, n, IMAGES, 0);
        await study(starts, { ...options, only: undefined, concurrency: Math.min(concurrency, starts.length) });
      }
      const found = await study(wanted, options);
      const shownCases = casesOf(wanted, found, shown);
      Object.assign(cases, shownCases.cases);
      absent.push(...shownCases.absent);
      all.push(...found.filter((one) => one !== undefined));
      Object.assign(ratios, ratiosOf(cases[`N = ${n}`] ?? {}, quick ? '' : `-${n}`));
    }
    const notes = [
      `All heads go on from one encoder a seed, trained for ${extent.start} steps of a softmax over the batch, for ${extent.steps} steps of ` +
        `${CLASSES} classes x 2 images more, ${concurrency} runs at a time, each on one thread. ± is the standard error over the seeds; the ` +
        `test set has its own, which all share: ${errorsOfTest(all)}. Weights of full softmax and Partial FC begin at random, where a ` +
        'memory makes prototypes from the first batch on: in few steps they are at a disadvantage. Beside prototype-memory, and where a ' +
        "rival's name says so, a softmax over the batch has half of the loss, as in the recipe faces; alone, all is the memory's.",
    ];
    return {
      unit: '%',
      cases,
      ratios,
      reading: 'of TAR: above 1, the first is better',
      taken: whereRun(all),
      absent,
      notes,
    };
  },
};

const fileOf = (people: number, each: number, first: number): string =>
  join(WORK, 'data', `faces-${people}x${each}-from-${first}-at-${SIZE}`);

/** Synthetic faces as a data set of files, made once. */
async function rendered(say: (text: string) => void, people: number, each: number, first: number): Promise<string> {
  const out = fileOf(people, each, first);
  if (existsSync(out)) return out;
  say(`drawing ${people} x ${each} faces`);
  const source = encodedSource({
    source: syntheticFaces({ identities: people, imagesPerIdentity: each, seed: 7, firstIdentity: first }),
    ...{ size: SIZE, encoding: 'png', workers: availableParallelism() },
  });
  await writeDataset(source, out, { format: 'recordio' }).finally(() => source.close());
  return out;
}

/** Where all heads of a seed go on from. */
function startOf(n: number, seed: number, { start }: Extent, data: string): Wanted {
  const draft = parseConfig(
    {
      ...{ recipe: 'identities', seed, steps: start, engine: { threads: 1 } },
      data: { kind: 'dataset', path: data },
      sampler: { order: { kind: 'groups', groupSize: slots(0.1, n) }, classes: CLASSES, images: 2 },
      loader: { workers: 0, cacheBytes: 2 ** 29 },
      encoder: { inputSize: SIZE, embeddingSize: 128, width: 0.125 },
      head: { kind: 'batch-only', loss: LOSS },
      schedule: { base: 0.1, warmup: Math.round(start / 10) },
      // The study tests on all pairs of its held-out people; a run cannot do without a test of its own.
      evaluation: { pairs: { kind: 'synthetic', identities: 10, count: 10 } },
      ...{ checkpoint: { every: 200 }, log: { tensorboard: false } },
    },
    'bench identities',
  );
  return { name: 'start', group: `N = ${n}`, config: settled(draft), paths: { [data]: basename(data) }, keep: true };
}

function goOn(
  start: Wanted,
  { group, name, patches, shareOfSteps = 1 }: Contender,
  { steps }: Extent,
  heldOut: string,
): Wanted & { readonly group: string } {
  const init = runFolder(join(folderOf(WORK, start), 'run')).encoder;
  const draft = patchConfig(start.config, [
    `head=${JSON.stringify({ kind: 'prototype-memory', size: CLASSES, refreshRatio: 0.5, loss: LOSS })}`,
    `encoder.init=${init}`,
    `steps=${Math.round(steps * shareOfSteps)}`,
    'schedule={"kind":"cosine","base":0.03}',
    ...patches,
  ]);
  const paths = { ...start.paths, [init]: keyOf(start), [heldOut]: basename(heldOut) };
  return { name, group, config: settled(draft), paths, heldOut };
}

/** TAR of the memory of a tenth over that of the others, by their means. */
function ratiosOf(contenders: Readonly<Record<string, Measured>>, suffix: string): Record<string, number> {
  const ratios: Record<string, number> = {};
  for (const other of Object.keys(contenders).filter((name) => !name.startsWith('prototype-memory'))) {
    for (const far of ['1e-2', '1e-3', '1e-4']) {
      const [own, theirs] = ['prototype-memory', other].map((name) => contenders[name]?.figures?.[`TAR@${far} %`]);
      if (own && theirs) ratios[`prototype-memory/${other}@tar-${far}${suffix}`] = own / theirs;
    }
  }
  return ratios;
}

function errorsOfTest(
  found: readonly { readonly run: { readonly figures: Readonly<Record<string, number>> } }[],
): string {
  return ['1e-2', '1e-3', '1e-4']
    .map((far) => {
      const errors = found.flatMap(({ run }) => run.figures[`tar-${far}-error`] ?? []);
      return `${(100 * meanAndError(errors).mean).toFixed(1)} points at FAR ${far}`;
    })
    .join(', ');
}
