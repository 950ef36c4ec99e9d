import { readFile } from 'node:fs/promises';
import { check, isObject, parseJson } from '@protomem/core';
import type { RecipeChange } from './recipe.ts';

/** One logged step. Only `step` is always there: a head logs what it has. */
export interface LoggedStep {
  readonly step: number;
  readonly loss?: number;
  readonly learningRate?: number;
  readonly imagesPerSecond?: number;
  /** Share of the step's time spent waiting for data, 0 ... 1. */
  readonly dataWait?: number;
  /** Share of the batch's classes that were found in memory, 0 ... 1. */
  readonly hitRate?: number;
  /** Share of the memory's slots in use, 0 ... 1. */
  readonly occupancy?: number;
}

/** Verification during training. */
export interface LoggedEvaluation {
  readonly step: number;
  /** 0 ... 1. */
  readonly accuracy: number;
  readonly standardError?: number;
}

/** What a resume changed. */
export interface LoggedChange extends RecipeChange {
  /** That the run went on from. */
  readonly step: number;
}

/** What the log of a run says. */
export interface RunLog {
  readonly steps: readonly LoggedStep[];
  readonly evaluations: readonly LoggedEvaluation[];
  /** Of resumes that changed something. */
  readonly changes?: readonly LoggedChange[];
  /** Time spent in steps, seconds; interruptions and evaluations are not in it. */
  readonly seconds: number;
}

interface LoggedChanges {
  readonly step: number;
  readonly changes?: readonly RecipeChange[];
}

/**
 * Reads a log written by `jsonlLogger`. A last line that a kill cut short is left out.
 *
 * @throws when there is no such file; {@link ProtomemError} for a line that is none of a log.
 * @example
 * ```ts
 * const { steps, evaluations, seconds } = await readRunLog('run/metrics.jsonl');
 * ```
 */
export async function readRunLog(path: string): Promise<RunLog> {
  const lines = (await readFile(path, 'utf8')).split('\n');
  // After the last line break: nothing, or what a kill left of a line.
  if (!lines.at(-1)!.endsWith('}')) lines.pop();
  const records = lines.map((line, i) => recordOf(path, `line ${i + 1}`, line));
  const steps = records.filter((record) => 'train/loss' in record);
  const evaluations = records.filter((record) => 'evaluation/accuracy' in record);
  const changes = (records as unknown as LoggedChanges[]).flatMap(({ step, changes: each = [] }) =>
    each.map((change) => ({ step, ...change })),
  );
  return {
    seconds: steps.reduce((sum, record) => sum + record['speed/step_seconds']!, 0),
    steps: steps.map(loggedStep),
    evaluations: evaluations.map(loggedEvaluation),
    ...(changes.length > 0 && { changes }),
  };
}

/** What a line says, numbers by name; null stands for one that is not finite. */
function recordOf(where: string, what: string, line: string): Readonly<Record<string, number>> {
  const record = parseJson(line, { where, what });
  const fits = ([key, value]: [string, unknown]): boolean =>
    value === null || (key === 'changes' ? isChanges(value) : typeof value === 'number');
  check(isObject(record) && Object.entries(record).every(fits), () => ({
    where,
    what,
    got: line,
    expected: 'an object of numbers, as the run wrote it',
    fix: 'The log is damaged: take the line out.',
  }));
  return record as Readonly<Record<string, number>>;
}

const isChanges = (value: unknown): boolean =>
  Array.isArray(value) && value.every((one) => typeof one === 'object' && one !== null);

/** What the line of a step says: a record that has `train/loss`. */
export function loggedStep(record: Readonly<Record<string, number>>): LoggedStep {
  return {
    step: record.step!,
    loss: record['train/loss'],
    learningRate: record['train/learning_rate'],
    imagesPerSecond: record['speed/images_per_second'],
    dataWait: record['speed/waiting_share'],
    hitRate: record['head/hitRate'],
    occupancy: record['head/occupancy'],
  };
}

/** What the line of an evaluation says: a record that has `evaluation/accuracy`. */
export function loggedEvaluation(record: Readonly<Record<string, number>>): LoggedEvaluation {
  return {
    step: record.step!,
    accuracy: record['evaluation/accuracy']!,
    standardError: record['evaluation/standard_error'],
  };
}
