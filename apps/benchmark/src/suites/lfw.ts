import { basename, join } from 'node:path';
import { check } from '@protomem/core';
import { patchConfig, resolveRecipe, settled } from '@protomem/recipes';
import { fingerprintOf } from '../study/fingerprint.ts';
import { named } from '../study/go-through.ts';
import { study, type Wanted } from '../study/study.ts';
import { type Column, casesOf, whereRun } from '../study/summarize-runs.ts';
import type { Measured, Suite, SuiteRun } from '../suite.ts';

/** People in LFW who have two images or more and are in no test pair of View 1: what the recipe `lfw` trains on. */
const IDENTITIES = 1262;
const STEPS = { full: 160, quick: 20 };
/**
 * Of the key and gallery encoders. The published 0.99 to 0.999 belong to runs of a hundred thousand steps; in one of 160
 * they would compare with little more than the encoder's random start.
 */
const MOMENTUM = 0.9;

const shares = { '10 %': 0.1, '30 %': 0.3, '100 %': 1 };
const withEncoder = ['dcq', 'dynamic-class-pool', 'semi-siamese'];
/** The memory with a softmax over the batch beside it, at half of the loss. */
const withBatch = 'prototype-memory, batch';
const limited = ['prototype-memory', withBatch, 'partial-fc', ...withEncoder];
const heads = [
  ...limited.flatMap((head) => Object.keys(shares).map((columns) => ({ head, columns }))),
  { head: 'full-softmax', columns: '100 %' },
  { head: 'batch-only', columns: 'batch' },
].filter(({ head, columns }) => head !== 'partial-fc' || columns !== '100 %'); // which is a full softmax

const columns: readonly Column[] = [
  { key: 'accuracy', name: 'accuracy %', percent: true },
  { key: 'tar-1e-2', name: 'TAR@1e-2 %', percent: true },
  { key: 'hit-rate', name: 'hit rate' },
  { key: 'seconds', name: 'seconds' },
];

/**
 * Recipe `lfw` with every head, at equal steps: accuracy and TAR on people never seen. Finished runs are kept, each with
 * its date and machine and by everything that decides it, so that it can be interrupted: the next call goes on.
 */
export const lfw: Suite = {
  about: `recipe lfw, ${STEPS.full} steps: LFW View 1 DevTest with every head, by columns as a share of identities`,
  async run({ quick, earlier, only, say, data, out }: SuiteRun) {
    check(data !== undefined, () => ({
      where: 'bench lfw',
      what: '--data',
      got: 'missing',
      expected: 'a folder of LFW, as the recipe lfw takes it',
    }));
    const steps = STEPS[quick ? 'quick' : 'full'];
    const fingerprint = await fingerprintOf(data!);
    // Seed by seed: when it is ended early, all heads have the same number of runs but for one.
    const wanted = (quick ? [0] : [0, 1, 2]).flatMap((seed) =>
      heads.map((one) => ({ ...wantedRun(one, seed, steps, data!, fingerprint), group: `columns: ${one.columns}` })),
    );
    const runs = await study(wanted, {
      file: join(out, 'lfw-runs.jsonl'),
      work: join('runs', 'bench-lfw'),
      concurrency: 1,
      earlierCode: earlier ?? false,
      say,
      only: (one) => named(one.name, only),
    });
    const found = runs.filter((run) => run !== undefined);
    const { cases, absent } = casesOf(wanted, runs, columns);
    return { unit: '%', cases, ratios: ratiosOf(cases), taken: whereRun(found), absent };
  },
};

/** A semi-siamese queue cannot be shorter than a batch. */
const columnsOf = (head: string, share: number, batch: number): number =>
  Math.max(head === 'semi-siamese' ? batch : 1, Math.round(share * IDENTITIES));

function wantedRun(
  { head, columns }: (typeof heads)[number],
  seed: number,
  steps: number,
  data: string,
  fingerprint: string,
): Wanted {
  const recipe = settled(
    patchConfig(resolveRecipe('lfw', { data }), [
      `schedule.warmup=${Math.round(steps / 10)}`,
      `steps=${steps}`,
      `seed=${seed}`,
      'baselines=[]',
      'head.batchShare=0',
      'evaluation.every=0',
      `checkpoint.every=${steps}`,
      'log.tensorboard=false',
    ]),
  );
  const batch = recipe.sampler.classes * recipe.sampler.images;
  const share = shares[columns as keyof typeof shares];
  const draft = patchConfig(recipe, [
    ...(head === 'prototype-memory' ? [] : head === withBatch ? ['head.batchShare=0.5'] : [`head.kind=${head}`]),
    ...(share && head !== 'full-softmax' ? [`head.size=${columnsOf(head, share, batch)}`] : []),
    ...(withEncoder.includes(head) ? [`head.momentum=${MOMENTUM}`] : []),
  ]);
  const config = settled(draft);
  const { pairs } = config.evaluation;
  const list = pairs.kind === 'lfw' ? pairs.file : '';
  return { name: head, config, paths: { [data]: fingerprint, [list]: basename(list) } };
}

/** Of the errors, so that below 1 the first is better, as everywhere. */
function ratiosOf(cases: Readonly<Record<string, Readonly<Record<string, Measured>>>>): Record<string, number> {
  const accuracyOf = (measured?: Measured): number | undefined => measured?.figures?.['accuracy %'];
  const full = accuracyOf(cases['columns: 100 %']?.['full-softmax']);
  const ratios: Record<string, number> = {};
  for (const [name, contenders] of Object.entries(cases)) {
    const own = accuracyOf(contenders['prototype-memory']);
    const key = `prototype-memory/full-softmax@${name.replace('columns: ', '').replace(' ', '')}-error`;
    if (own && full) ratios[key] = (100 - own) / (100 - full);
  }
  return ratios;
}
