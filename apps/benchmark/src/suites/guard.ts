import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, type ImageSource } from '@protomem/core';
import { drawPairs, openDataset, readLfwPairs, selectIdentities } from '@protomem/data';
import { convolution, type DefinedEncoder, defineEncoder, norm, prelu } from '@protomem/encoders';
import { cosFace } from '@protomem/losses';
import { createPrototypeMemory, type PrototypeMemory, prototypeHead } from '@protomem/memory';
import { parseConfig, patchConfig, type RunConfig, resolveRecipe, runRecipe } from '@protomem/recipes';
import { plantDuplicates } from '../planted-duplicates.ts';
import type { Measured, Suite, SuiteRun } from '../suite.ts';

const STEPS = { full: 400, quick: 20 };
const PAIRS = 2000;
const SHARES = [0, 0.05, 0.2];
const [ABOVE, VISITS] = [0.75, 3];
const patches = [
  ...['sampler.order=every-class', 'sampler.classes=64', 'sampler.images=2', 'baselines=[]', 'evaluation.every=0'],
  ...['evaluation.allowUnmatched=true', 'log.tensorboard=false', 'schedule.base=0.1'],
];

const [SIZE, DIMENSION, CHANNELS] = [32, 128, [3, 16, 32, 64, 64]];

/**
 * Four convolutions: small, so that three seeds of everything are a matter of minutes. What one person under two names
 * does to a loss does not hang on the encoder; how many of them it can find does.
 */
const smallEncoder = defineEncoder({
  name: 'small',
  embeddingSize: DIMENSION,
  normalization: { mean: 127.5, std: 127.5 },
  source: 'this benchmark',
  layers: ({ inputSize: [height, width], embeddingSize }) => [
    ...CHANNELS.slice(1).flatMap((outputs, i) => {
      const inputs = CHANNELS[i]!;
      const stride = i < 3 ? 2 : 1;
      return [
        convolution(`conv${i}`, inputs, outputs, { kernel: 3, stride, std: Math.sqrt(2 / (9 * inputs)) }),
        norm(`norm${i}`, outputs),
        prelu(`prelu${i}`, outputs),
      ];
    }),
    { kind: 'dense', name: 'dense', inputs: [height / 8, width / 8, CHANNELS.at(-1)!], outputs: embeddingSize },
    norm('norm', embeddingSize),
  ],
});

/** `off`; `guard` finds its pairs itself; `told` is given those that were planted, which no guard can better. */
const variants = ['off', 'guard', 'told'] as const;

/** All that decides a run. */
interface Plan {
  readonly share: number;
  readonly variant: (typeof variants)[number];
  readonly seed: number;
  readonly steps: number;
  readonly above: number;
  readonly visits: number;
  readonly encoder: string;
  readonly patches: string;
}

/** One line of the file of finished runs. */
interface Run extends Plan {
  readonly date: string;
  readonly accuracy: number;
  readonly tar: number;
  /** Pairs that were planted, pairs guarded at the end, those that are both, and the share of columns kept out then. */
  readonly planted: number;
  readonly guarded: number;
  readonly right: number;
  readonly guardedShare: number;
}

/**
 * People of LFW who go by two names, with and without the guard. Finished runs are kept, one line each, so that it can
 * be interrupted: the next call goes on.
 */
export const guard: Suite = {
  about: `one person under two names in LFW, ${STEPS.full} steps: what the guard finds, and whether it helps`,
  async run({ quick, say, data, out }: SuiteRun) {
    check(data !== undefined, () => ({
      where: 'bench guard',
      what: '--data',
      got: 'missing',
      expected: 'a folder of LFW, as the recipe lfw takes it',
    }));
    const steps = STEPS[quick ? 'quick' : 'full'];
    const file = join(out, 'guard-runs.jsonl');
    const fixed = { steps, above: ABOVE, visits: VISITS, encoder: `${SIZE} px, ${CHANNELS}`, patches: patches.join(' ') };
    const plans = (quick ? [0] : [0, 1, 2]).flatMap((seed) =>
      SHARES.toReversed().flatMap((share) =>
        variants
          .filter((variant) => share > 0 || variant !== 'told')
          .map((variant): Plan => ({ share, variant, seed, ...fixed })),
      ),
    );
    const isOf = (plan: Plan) => (run: Run) =>
      Object.entries(plan).every(([key, value]) => run[key as keyof Plan] === value);
    const missing = plans.filter((plan) => !readRuns(file).some(isOf(plan)));
    const work = await mkdtemp(join(tmpdir(), 'protomem-guard-'));
    if (missing.length > 0) {
      const faces = await readFaces(data!, work);
      for (const [done, plan] of missing.entries()) {
        const run = await train(plan, faces, work);
        say(
          `${done + 1}/${missing.length}: ${100 * plan.share} % split, ${plan.variant}, seed ${plan.seed}: accuracy ` +
            `${(100 * run.accuracy).toFixed(1)} %, TAR@FAR=1e-2 ${(100 * run.tar).toFixed(1)} %, ${run.right} of ` +
            `${run.planted} pairs found, ${run.guarded - run.right} others`,
        );
        mkdirSync(out, { recursive: true });
        appendFileSync(file, `${JSON.stringify(run)}\n`);
      }
    }
    rmSync(work, { recursive: true, force: true });
    return { unit: '%', ...summary(readRuns(file).filter((run) => plans.some((plan) => isOf(plan)(run)))) };
  },
};

function readRuns(file: string): Run[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Run);
}

interface Faces {
  readonly base: ImageSource;
  readonly config: RunConfig;
}

/** LFW without the people of the DevTest list, who are tested: on more pairs than the list has, for a smaller error. */
async function readFaces(data: string, work: string): Promise<Faces> {
  const config = patchConfig(resolveRecipe('lfw', { data }), patches);
  const { pairs } = config.evaluation;
  if (pairs.kind !== 'lfw') throw new Error('the recipe lfw is tested on a list of pairs');
  const { people } = await readLfwPairs(pairs.file);
  const all = await openDataset(data);
  const tested = selectIdentities(all, { include: people });
  const several = Array.from({ length: tested.identities }, (_, id) => id).filter((id) => tested.imagesOf(id) >= 2);
  const drawn = drawPairs(tested, { people: several.length, pairs: PAIRS, seed: 0 });
  const nameOf = async ([id, image]: readonly [number, number]): Promise<string> => {
    const { name } = await tested.load(id, image);
    return `${tested.identityName(id)}/${name.split('/').at(-1)}`;
  };
  const rows: string[] = [];
  for (const { a, b, same } of drawn) rows.push(`${await nameOf(a)}\t${await nameOf(b)}\t${Number(same)}`);
  const list = join(work, 'pairs.txt');
  await writeFile(list, `${rows.join('\n')}\n`);
  const patched = patchConfig(config, [`evaluation.pairs.file=${list}`, `evaluation.pairs.dir=${data}`]);
  return { base: selectIdentities(all, { minImages: 2, exclude: people }), config: patched };
}

async function train(plan: Plan, { base, config }: Faces, work: string): Promise<Run> {
  const { share, variant, seed, steps, above, visits } = plan;
  const { source, pairs } = plantDuplicates(base, share, 1000 + seed);
  const out = join(work, 'run');
  rmSync(out, { recursive: true, force: true });
  let memory: PrototypeMemory | undefined;
  const head = ({ identities, dimension }: { readonly identities: number; readonly dimension: number }) => {
    memory = createPrototypeMemory({
      ...{ size: identities, dimension, seed, refreshRatio: 0.3 },
      ...(variant === 'guard' && { guardAbove: above, guardVisits: visits }),
      ...(variant === 'told' && { guardPairs: pairs }),
    });
    return prototypeHead({ memory, loss: cosFace({ scale: 30, margin: 0.25 }) });
  };
  const patched = patchConfig(config, [
    ...[`steps=${steps}`, `schedule.warmup=${Math.round(steps / 10)}`, `seed=${seed}`, `checkpoint.every=${steps}`],
  ]);
  const own = {
    ...patched,
    data: { kind: 'own', own: 'planted' },
    encoder: { name: 'own', own: 'small', inputSize: SIZE, embeddingSize: DIMENSION },
    head: { kind: 'own', own: 'guarded' },
  };
  const encoder = (options: { readonly seed: number }): DefinedEncoder =>
    smallEncoder({ ...options, inputSize: SIZE, embeddingSize: DIMENSION });
  const finished = await runRecipe(parseConfig(own, 'bench guard'), { out, parts: { source, head, encoder } });
  const { verification } = finished!.results[0]!.result;
  const planted = new Set(pairs.map((pair) => pair.join()));
  const found = variant === 'told' ? pairs.map(([a, b]) => ({ a, b })) : memory!.guardedPairs();
  return {
    ...plan,
    date: new Date().toISOString(),
    accuracy: verification.accuracy,
    tar: verification.tarAtFar.find(({ far }) => far === 1e-2)?.tar ?? Number.NaN,
    planted: pairs.length,
    guarded: found.length,
    right: found.filter(({ a, b }) => planted.has([a, b].join())).length,
    guardedShare: memory!.metrics().guardedShare ?? 0,
  };
}

/** Means over the seeds and their standard errors; of differences from `off`, seed by seed. */
function summary(runs: readonly Run[]) {
  const cases: Record<string, Record<string, Measured>> = {};
  const ratios: Record<string, number> = {};
  for (const share of SHARES) {
    const of = (variant: Plan['variant']) => runs.filter((run) => run.share === share && run.variant === variant);
    const contenders: Record<string, Measured> = {};
    for (const variant of variants) {
      const own = of(variant);
      if (own.length === 0) continue;
      const differences = (value: (run: Run) => number): number[] =>
        own.flatMap((run) => {
          const off = of('off').find(({ seed }) => seed === run.seed);
          return off ? [100 * (value(run) - value(off))] : [];
        });
      const [accuracy, tar] = [differences((run) => run.accuracy), differences((run) => run.tar)].map(meanAndError);
      const sum = (value: (run: Run) => number): number => own.reduce((total, run) => total + value(run), 0);
      contenders[variant] = {
        about: { seeds: own.length },
        figures: {
          seeds: own.length,
          accuracy: meanAndError(own.map((run) => 100 * run.accuracy)).mean,
          'TAR@1e-2': meanAndError(own.map((run) => 100 * run.tar)).mean,
          ...(variant !== 'off' && {
            ...difference('accuracy - off', accuracy!),
            ...difference('TAR - off', tar!),
            planted: sum(({ planted }) => planted) / own.length,
            guarded: sum(({ guarded }) => guarded) / own.length,
            ...(share > 0 && { 'found share': sum(({ right }) => right) / sum(({ planted }) => planted) }),
            'false share':
              sum(({ guarded, right }) => guarded - right) /
              Math.max(
                1,
                sum(({ guarded }) => guarded),
              ),
            'columns kept out, %': (100 * sum(({ guardedShare }) => guardedShare)) / own.length,
          }),
        },
      };
      // Of the errors, so that below 1 the first is better, as everywhere.
      if (variant !== 'off' && of('off').length > 0) {
        const error = (some: readonly Run[]): number => meanAndError(some.map((run) => 1 - run.accuracy)).mean;
        ratios[`${variant}/off@${100 * share}%-error`] = error(own) / error(of('off'));
      }
    }
    cases[`${100 * share} % of people split in two`] = contenders;
  }
  return { cases, ratios, absent: [], notes: notes(runs) };
}

/** A mean over the seeds, and its standard error where there is more than one. */
function difference(name: string, { mean, error }: { readonly mean: number; readonly error: number }) {
  return { [name]: mean, ...(Number.isFinite(error) && { [`${name} ±`]: error }) };
}

function notes(runs: readonly Run[]): string[] {
  const dates = runs.map(({ date }) => date).sort();
  return [
    `${runs.length} runs, of ${dates[0]} to ${dates.at(-1)}: figures are of the seeds that a row names, and ± is a standard error ` +
      'over them, of differences seed by seed. Those who are split are chosen by the seed, alike for all three.',
    `LFW without the people of the View 1 DevTest list who are tested, of ${PAIRS} + ${PAIRS} pairs of them drawn once. People with four images ` +
      'or more are split: each of both names gets every second image. A slot for every name; recipe `lfw` with ' +
      `\`${patches.join(' ')}\`, CosFace (30, 0.25); an encoder of four convolutions of ${CHANNELS.slice(1).join(', ')} channels at ${SIZE}x${SIZE}.`,
    `\`off\`: no guard. \`guard\`: \`guardAbove\` ${ABOVE}, \`guardVisits\` ${VISITS}. \`told\`: the planted pairs are given, which is the most that a guard can be worth. ` +
      'Found share: planted pairs that are guarded at the end; false share: guarded pairs that were not planted, among which may be true ' +
      'ones of LFW itself.',
  ];
}

function meanAndError(values: readonly number[]): { mean: number; error: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, error: values.length > 1 ? Math.sqrt(squares / (values.length - 1) / values.length) : Number.NaN };
}
