import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { checkShape, type Json, ProtomemError, parseJson, type Shape } from '@protomem/core';
import type { VerificationReport } from '@protomem/evaluation';
import type { PairSummary } from '@protomem/protocols';
import { type RunConfig, type RunMetrics, readRunMetrics, runFolder, verificationShape } from '@protomem/recipes';
import type { EvaluationFacts, ReportData, ReportHead } from '@protomem/report';
import { readRunLog } from '@protomem/training';
import { headName, planSentences } from './run-report.ts';

/** What `metrics.json` of `evaluate` holds. */
type PairMetrics = EvaluationFacts & PairSummary & { readonly kind: 'pairs' };
const pairShape: Shape = {
  ...{ model: 'text', by: 'text', protocol: 'text', seconds: 'number', 'images?': 'number' },
  ...{ verification: verificationShape, options: {} },
};

/** A head of a run, with figures to set beside others'. */
export interface Compared {
  readonly head: ReportHead;
  readonly result: {
    readonly verification: VerificationReport;
    readonly imagesPerSecond: number;
    readonly seconds: number;
  };
  /** The same for figures of the same pairs, which were found in the same way. */
  readonly pairs: string;
}

export interface Results {
  readonly compared: readonly Compared[];
  readonly seconds: number;
  readonly about: Pick<ReportData, 'seed' | 'engine' | 'config' | 'plan'>;
}

/**
 * Reads the results of a run, or of an evaluation of pairs.
 *
 * @param several whether others stand beside it: its heads are then named after its folder.
 */
export async function readResults(folder: string, where: string, several: boolean): Promise<Results> {
  const { metrics: path } = runFolder(folder);
  if (!existsSync(path)) {
    throw new ProtomemError({
      where,
      what: folder,
      got: existsSync(folder) ? 'without metrics.json' : 'missing',
      expected: 'the folder of a finished run or of an evaluation',
      fix: 'Name the folder that was given to --out; go on with --resume where it has not ended.',
    });
  }
  const metrics = parseJson(await readFile(path, 'utf8'), { where: path, what: 'its text' }) as Partial<PairMetrics>;
  checkShape(metrics, {}, path);
  if ('heads' in metrics) return ofRun(folder, readRunMetrics(metrics, path), several);
  if (metrics.kind === 'pairs') {
    checkShape(metrics, pairShape, path);
    return ofEvaluation(metrics as PairMetrics);
  }
  throw new ProtomemError({ where, what: path, got: metrics.kind, expected: 'results of a run or of pairs' });
}

async function ofRun(run: string, { engine, heads, config, plan }: RunMetrics, several: boolean): Promise<Results> {
  const compared = await Promise.all(
    heads.map(async (result, position): Promise<Compared> => {
      const { log } = runFolder(position === 0 ? run : `${run}/${result.kind}`);
      const { steps, evaluations, changes } = await readRunLog(log);
      const name = headName(result.kind === 'own' ? result.name : result.kind);
      const { seconds, imagesPerSecond, verification, memory } = result;
      const folder = basename(resolve(run));
      return {
        result,
        pairs: JSON.stringify([config.evaluation.pairs, drawnFrom(config), verification.positives]),
        head: {
          name: several ? `${folder}${heads.length > 1 ? `, ${name}` : ''}` : name,
          ...{ seconds, imagesPerSecond, steps, evaluations, changes, verification, memory },
        },
      };
    }),
  );
  const about = { seed: config.seed, engine, config: config as unknown as Json };
  const seconds = compared.reduce((sum, { head }) => sum + head.seconds, 0);
  return { compared, seconds, about: { ...about, ...(plan && { plan: planSentences(plan) }) } };
}

/** What decides the pairs beside their own settings, where they are not listed in a file. */
function drawnFrom({ data, evaluation: { pairs }, seed }: RunConfig): RunConfig['data'] | number | undefined {
  if (pairs.kind === 'lfw' || pairs.kind === 'bin') return undefined;
  return pairs.kind === 'synthetic' && data.kind !== 'synthetic' ? seed : data;
}

function ofEvaluation(metrics: PairMetrics): Results {
  const { model, by, protocol, seconds, images = 0, verification, options, holdOut } = metrics;
  const { positives, folds } = verification;
  const pairs = JSON.stringify([protocol, positives, folds.length, options.arithmetic, holdOut !== undefined]);
  const result = { verification, seconds, imagesPerSecond: seconds > 0 ? images / seconds : 0 };
  const engine = { engine: by, backend: '', device: '', version: '', threads: 0, precision: '', rejected: [] };
  return {
    compared: [{ result, pairs, head: { name: model, steps: [], ...result } }],
    seconds,
    about: { seed: 0, engine, config: { ...options } },
  };
}
