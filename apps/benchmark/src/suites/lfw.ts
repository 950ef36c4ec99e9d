import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, ProtomemError } from '@protomem/core';
import type { Measured, Suite, SuiteRun } from '../suite.ts';

const TRAIN = join(import.meta.dirname, '..', '..', '..', 'train', 'src', 'cli.ts');
/** People in LFW who have two images or more and are in no test pair of View 1: what the recipe `lfw` trains on. */
const IDENTITIES = 1262;
const BATCH = 128;
const STEPS = { full: 160, quick: 20 };
/**
 * Of the key and gallery encoders. The published 0.99 to 0.999 belong to runs of a hundred thousand steps; in one of 160
 * they would compare with little more than the encoder's random start.
 */
const MOMENTUM = 0.9;

/** One line of the file of finished runs. */
interface Run {
  readonly head: string;
  readonly columns: string;
  readonly seed: number;
  readonly steps: number;
  /** Of a second encoder, where the head has one. */
  readonly momentum?: number;
  readonly accuracy: number;
  readonly tar: number;
  readonly seconds: number;
}

const shares = { '10 %': 0.1, '30 %': 0.3, '100 %': 1 };
const withEncoder = ['dcq', 'dynamic-class-pool', 'semi-siamese'];
const limited = ['prototype-memory', 'partial-fc', ...withEncoder];
const heads = [
  ...limited.flatMap((head) => Object.keys(shares).map((columns) => ({ head, columns }))),
  { head: 'full-softmax', columns: '100 %' },
  { head: 'batch-only', columns: 'batch' },
].filter(({ head, columns }) => head !== 'partial-fc' || columns !== '100 %'); // which is a full softmax

/**
 * Recipe `lfw` with every head, at equal steps: accuracy and TAR on people never seen. Finished runs are kept, one line
 * each, so that it can be interrupted: the next call goes on.
 */
export const lfw: Suite = {
  about: `recipe lfw, ${STEPS.full} steps: LFW View 1 DevTest with every head, by columns as a share of identities`,
  async run({ quick, say, data, out }: SuiteRun) {
    check(data !== undefined, () => ({
      where: 'bench lfw',
      what: '--data',
      got: 'missing',
      expected: 'a folder of LFW, as the recipe lfw takes it',
    }));
    const steps = STEPS[quick ? 'quick' : 'full'];
    const file = join(out, 'lfw-runs.jsonl');
    const runs = (): Run[] =>
      readRuns(file).filter((run) => run.steps === steps && run.momentum === momentumOf(run.head));
    // Seed by seed: whatever is missing when the page is read, all heads have the same number of runs but for one.
    const wanted = (quick ? [0] : [0, 1, 2]).flatMap((seed) => heads.map((head) => ({ ...head, seed })));
    const missing = wanted.filter(
      ({ head, columns, seed }) =>
        !runs().some((run) => run.head === head && run.columns === columns && run.seed === seed),
    );
    const begun = performance.now();
    for (const [done, one] of missing.entries()) {
      const left =
        done > 0
          ? `  ETA ${((((performance.now() - begun) / done) * (missing.length - done)) / 60000).toFixed(0)} min`
          : '';
      say(`${done + 1}/${missing.length}: ${one.head}, columns ${one.columns}, seed ${one.seed}${left}`);
      const run = await train(one, steps, data!);
      say(`  accuracy ${(100 * run.accuracy).toFixed(1)} %, TAR@FAR=1e-2 ${(100 * run.tar).toFixed(1)} %`);
      mkdirSync(out, { recursive: true });
      appendFileSync(file, `${JSON.stringify(run)}\n`);
    }
    return { unit: '%', ...summary(runs()) };
  },
};

const momentumOf = (head: string): number | undefined => (withEncoder.includes(head) ? MOMENTUM : undefined);

/** A semi-siamese queue cannot be shorter than a batch, which is two more than 10 %. */
const columnsOf = (head: string, share: number): number =>
  Math.max(head === 'semi-siamese' ? BATCH : 1, Math.round(share * IDENTITIES));

function readRuns(file: string): Run[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Run);
}

async function train(
  { head, columns, seed }: { readonly head: string; readonly columns: string; readonly seed: number },
  steps: number,
  data: string,
): Promise<Run> {
  const momentum = momentumOf(head);
  const out = join(tmpdir(), `protomem-lfw-${process.pid}`);
  rmSync(out, { recursive: true, force: true });
  const share = shares[columns as keyof typeof shares];
  const set = [
    `steps=${steps}`,
    `schedule.warmup=${Math.round(steps / 10)}`,
    `seed=${seed}`,
    'baselines=[]',
    'evaluation.every=0',
    `checkpoint.every=${steps}`,
    'log.tensorboard=false',
    ...(share && head !== 'full-softmax' ? [`head.size=${columnsOf(head, share)}`] : []),
    ...(head === 'prototype-memory' ? [] : [`head.kind=${head}`]),
    ...(momentum === undefined ? [] : [`head.momentum=${momentum}`]),
  ];
  const args = ['--import', 'tsx', '--conditions=@protomem/source', TRAIN, 'lfw', '--data', data, '--out', out];
  const child = spawn(process.execPath, [...args, ...set.flatMap((patch) => ['--set', patch])]);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text: Buffer) => {
      said = (said + text.toString()).slice(-2000);
    });
  }
  const code = await new Promise((done) => child.once('close', done));
  if (code !== 0) {
    throw new ProtomemError({ where: `bench lfw: ${head}`, what: 'exit code', got: code, expected: '0', fix: said });
  }
  const { verification, seconds } = JSON.parse(readFileSync(join(out, 'result.json'), 'utf8'));
  rmSync(out, { recursive: true, force: true });
  const { tar } = verification.tarAtFar.find(({ far }: { far: number }) => far === 1e-2);
  return { head, columns, seed, steps, momentum, accuracy: verification.accuracy, tar, seconds };
}

/** Means over the seeds and their standard errors. */
function summary(runs: readonly Run[]) {
  const cases: Record<string, Record<string, Measured>> = {};
  for (const { head, columns } of heads) {
    const found = runs.filter((run) => run.head === head && run.columns === columns);
    if (found.length === 0) continue;
    const accuracy = meanAndError(found.map((run) => 100 * run.accuracy));
    const tar = meanAndError(found.map((run) => 100 * run.tar));
    cases[`columns: ${columns}`] ??= {};
    cases[`columns: ${columns}`]![head] = {
      about: { seeds: found.length },
      figures: {
        seeds: found.length,
        accuracy: accuracy.mean,
        'accuracy ±': accuracy.error,
        'TAR@1e-2': tar.mean,
        'TAR@1e-2 ±': tar.error,
        seconds: meanAndError(found.map(({ seconds }) => seconds)).mean,
      },
    };
  }
  const full = cases['columns: 100 %']?.['full-softmax']?.figures?.accuracy;
  const ratios: Record<string, number> = {};
  for (const [name, contenders] of Object.entries(cases)) {
    const own = contenders['prototype-memory']?.figures?.accuracy;
    // Of the errors, so that below 1 the first is better, as everywhere.
    if (own && full) {
      const key = `prototype-memory/full-softmax@${name.replace('columns: ', '').replace(' ', '')}-error`;
      ratios[key] = (100 - own) / (100 - full);
    }
  }
  return { cases, ratios, absent: [] };
}

function meanAndError(values: readonly number[]): { mean: number; error: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, error: values.length > 1 ? Math.sqrt(squares / (values.length - 1) / values.length) : 0 };
}
