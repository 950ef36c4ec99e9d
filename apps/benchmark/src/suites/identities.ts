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

const [IMAGES, SIZE, CLASSES] = [8, 32, 32];
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

/** What a contender differs in from a Prototype Memory of a tenth of the identities, given how many there are. */
type Arm = (identities: number) => readonly string[];
const slots = (share: number, n: number): number => Math.max(2 * CLASSES, Math.round(share * n));
/** A softmax over the batch, at half of the loss. */
const batch = 'head.batchShare=0.5';
const memoryAlone =
  (share: number): Arm =>
  (n) => [`head.size=${slots(share, n)}`, `sampler.order.groupSize=${slots(share, n)}`];
/** As the recipes have it. */
const memory =
  (share: number): Arm =>
  (n) => [batch, ...memoryAlone(share)(n)];
const everyClass = ['sampler.order=every-class'];
const sized: Arm = (n) => [`head.size=${slots(0.1, n)}`];
const momentum = 'head.momentum=0.99';
const withMomentum: Arm = (n) => [momentum, ...sized(n)];
/** Each with the sampler of its papers, classes at random, and with the memory's groups. */
const rivals: Readonly<Record<string, Arm>> = {
  'full-softmax': () => [],
  'partial-fc': sized,
  dcq: withMomentum,
  'dynamic-class-pool': withMomentum,
  'semi-siamese': withMomentum,
};
const heads: Readonly<Record<string, Arm>> = {
  'batch-only': () => ['head.kind=batch-only'],
  'prototype-memory': memory(0.1),
  'prototype-memory alone': memoryAlone(0.1),
  'prototype-memory alone, momentum': (n) => [momentum, ...memoryAlone(0.1)(n)],
  'prototype-memory, momentum': (n) => [momentum, ...memory(0.1)(n)],
  ...Object.fromEntries([1, 2, 20, 30].map((percent) => [`prototype-memory-${percent}%`, memory(percent / 100)])),
  ...Object.fromEntries(
    Object.entries(rivals).flatMap(([kind, more]) => [
      [kind, (n: number) => [`head.kind=${kind}`, ...more(n), ...everyClass]],
      [`${kind}, groups`, (n: number) => [`head.kind=${kind}`, ...more(n)]],
      [`${kind}, groups, batch`, (n: number) => [`head.kind=${kind}`, batch, ...more(n)]],
    ]),
  ),
};
const quickHeads = ['batch-only', 'full-softmax', 'prototype-memory', 'prototype-memory alone'];
/** One at a time around what a plan gives, at one number of identities. */
const ablations: Readonly<Record<string, readonly string[]>> = {
  'refresh ratio 0.2': ['head.refreshRatio=0.2'],
  'a quarter for the batch': ['head.batchShare=0.25'],
  'three quarters for the batch': ['head.batchShare=0.75'],
  'momentum encoder': ['head.momentum=0.99'],
  'refresh by similarity': ['head.refresh=by-similarity'],
  '2 rounds': ['sampler.order.rounds=2'],
  '8 rounds': ['sampler.order.rounds=8'],
  '4 images of 16 classes': ['sampler.classes=16', 'sampler.images=4'],
  'target prototype of all': ['head.targetPrototype=all'],
  'generation quality': ['head.generation=quality'],
  'hardest 100 columns': ['head.hardest=100'],
  companions: ['sampler.companions=doppelgangers'],
  'classes at random': everyClass,
};
const ABLATED = 50_000;
const planned = memory(0.02);
/** Every head gets the same search: these, one at a time, at one number of identities, with this seed and steps each. */
const settings: Readonly<Record<string, readonly string[]>> = {
  'rate 0.03': [],
  'rate 0.1': ['schedule.base=0.1'],
  'rate 0.2': ['schedule.base=0.2'],
};
const searched: Readonly<Record<string, Arm>> = {
  ...Object.fromEntries(
    [
      ...['batch-only', 'prototype-memory-1%', 'prototype-memory, momentum'],
      ...Object.keys(rivals).map((kind) => `${kind}, groups, batch`),
    ].map((name) => [name, heads[name]!]),
  ),
  // What might bring the memory nearer where the rate is high.
  'prototype-memory-1%, momentum': (n) => [momentum, ...memory(0.01)(n)],
  'prototype-memory-1%, replace': (n) => ['head.refresh=replace', ...memory(0.01)(n)],
  'prototype-memory-1%, momentum, replace': (n) => ['head.refresh=replace', momentum, ...memory(0.01)(n)],
  'prototype-memory, momentum, replace': (n) => ['head.refresh=replace', momentum, ...memory(0.1)(n)],
};
const SEARCH = { identities: ABLATED, seed: 0, steps: 4000 };
/** The best settings found, which then train for all steps, and are tested on the people who are reported. */
const chosen: Readonly<Record<string, string>> = {
  'batch-only': 'rate 0.2',
  'prototype-memory-1%': 'rate 0.2',
  'prototype-memory-1%, momentum': 'rate 0.2',
  'dcq, groups, batch': 'rate 0.2',
  'dynamic-class-pool, groups, batch': 'rate 0.2',
  'semi-siamese, groups, batch': 'rate 0.2',
  'partial-fc, groups, batch': 'rate 0.2',
  'full-softmax, groups, batch': 'rate 0.1',
};

/** What goes on from a start, with the changes that make it what it is. */
interface Contender {
  readonly group: string;
  readonly name: string;
  readonly patches: readonly string[];
}

const contenders = (n: number, quick: boolean): Contender[] => [
  ...Object.entries(heads)
    .filter(([name]) => !quick || quickHeads.includes(name))
    .map(([name, arm]) => ({ group: `N = ${n}`, name, patches: arm(n) })),
  ...Object.entries(!quick && n === ABLATED ? ablations : {}).map(([name, patches]) => ({
    ...{ group: `N = ${n}, one at a time`, name },
    patches: [...planned(n), ...patches],
  })),
  ...Object.entries(!quick && n === SEARCH.identities ? chosen : {}).map(([head, setting]) => ({
    ...{ group: `N = ${n}, as searched`, name: `${head}: ${setting}` },
    patches: [...searched[head]!(n), ...settings[setting]!],
  })),
];

const searchFor = (n: number, seed: number): Contender[] =>
  n !== SEARCH.identities || seed !== SEARCH.seed
    ? []
    : Object.entries(searched).flatMap(([head, arm]) =>
        Object.entries(settings).map(([setting, patches]) => ({
          ...{ group: `N = ${n}, search`, name: `${head}: ${setting}` },
          patches: [...arm(n), ...patches, `steps=${SEARCH.steps}`],
        })),
      );

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
  about: `drawn faces, ${IMAGES} images of each identity at ${SIZE}x${SIZE}: every head goes on from one encoder; all pairs of ${HELD_OUT} people never seen`,
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
        ...contenders(n, quick).map((one) => goOn(start, one, extent, heldOut)),
        ...(quick ? [] : searchFor(n, start.config.seed)).map((one) => goOn(start, one, extent, choosing)),
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

/** Drawn faces as a data set of files, made once. */
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
  { group, name, patches }: Contender,
  { steps }: Extent,
  heldOut: string,
): Wanted & { readonly group: string } {
  const init = runFolder(join(folderOf(WORK, start), 'run')).encoder;
  const draft = patchConfig(start.config, [
    `head=${JSON.stringify({ kind: 'prototype-memory', size: CLASSES, refreshRatio: 0.5, loss: LOSS })}`,
    `encoder.init=${init}`,
    `steps=${steps}`,
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
