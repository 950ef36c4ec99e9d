import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { checkShape, isObject, parseJson, type Shape } from '@protomem/core';
import { type HeadResult, type RunConfig, readRunMetrics, runFolder } from '@protomem/recipes';

/** What a run tells about its encoder. */
export interface RunFacts {
  readonly config: RunConfig;
  readonly head: HeadResult;
  /** Results of `protomem evaluate` in the run, by protocol. */
  readonly evaluations: readonly PairEvaluation[];
}

/** A pair list that a run was tested on afterwards. */
interface PairEvaluation {
  readonly protocol: string;
  readonly accuracy: number;
  readonly interval?: readonly [number | null, number | null];
  readonly pairs: number;
  readonly thresholds: readonly Threshold[];
}

export interface Threshold {
  readonly far: number;
  /** Null where strangers tie at the top: no score is high enough. */
  readonly threshold: number | null;
  /** Where a bound is null, the list is too short for one. */
  readonly interval: readonly [number | null, number | null];
  readonly actualFar: number;
  readonly negatives: number;
}

/** The file of an encoder, and the facts of its run where it is in one. */
export async function readEncoderPlace(path: string): Promise<{ readonly file: string; readonly run?: RunFacts }> {
  const folder = (await stat(path).catch(() => undefined))?.isDirectory() ? path : undefined;
  if (folder === undefined) return { file: path };
  const { encoder, metrics } = runFolder(folder);
  const text = await readFile(metrics, 'utf8').catch(() => undefined);
  if (text === undefined) return { file: encoder };
  const { config, heads } = readRunMetrics(parseJson(text, { where: metrics, what: 'its text' }), metrics);
  const head = heads[0];
  if (!head) return { file: encoder };
  return { file: encoder, run: { config, head, evaluations: await readEvaluations(join(folder, 'evaluation')) } };
}

async function readEvaluations(folder: string): Promise<PairEvaluation[]> {
  const names = await readdir(folder).catch(() => []);
  const found = await Promise.all(names.sort().map((name) => readEvaluation(join(folder, name, 'metrics.json'))));
  return found.filter((one) => one !== undefined);
}

/** What `metrics.json` of a pair list holds. */
interface PairMetrics {
  readonly protocol?: string;
  readonly verification: Readonly<Record<'accuracy' | 'positives' | 'negatives', number>>;
  readonly accuracyInterval?: PairEvaluation['interval'];
  readonly thresholds?: readonly Threshold[];
}

const thresholdShape: Shape = { far: 'number', threshold: 'number', interval: ['number'], negatives: 'number' };
const pairShape: Shape = {
  verification: { accuracy: 'number', positives: 'number', negatives: 'number' },
  ...{ 'protocol?': 'text', 'accuracyInterval?': ['number'], 'thresholds?': [thresholdShape] },
};

/**
 * Results of another kind are not a pair list's.
 *
 * @throws ProtomemError for a pair list's that lack something, with its name.
 */
async function readEvaluation(file: string): Promise<PairEvaluation | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const saved = parseJson(text, { where: file, what: 'its text' });
  if (!isObject(saved) || saved.kind !== 'pairs') return undefined;
  checkShape(saved, pairShape, file);
  const { protocol, verification, accuracyInterval: interval, thresholds = [] } = saved as unknown as PairMetrics;
  const { accuracy, positives, negatives } = verification;
  return {
    protocol: protocol ?? basename(file),
    accuracy,
    ...(interval && { interval }),
    pairs: positives + negatives,
    thresholds,
  };
}
