import { readFile } from 'node:fs/promises';
import type { ReportEvaluation, ReportStep } from '../report-data.ts';

/** What a run's `log.jsonl` says, in the report's terms. */
export interface RunLog {
  readonly steps: readonly ReportStep[];
  readonly evaluations: readonly ReportEvaluation[];
  /** Time spent in steps, seconds; interruptions and evaluations are not in it. */
  readonly seconds: number;
}

/** Reads a log written by `jsonlLogger`. A last line that a kill cut short is left out. */
export async function readRunLog(path: string): Promise<RunLog> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line.endsWith('}'));
  const records = lines.map((line) => JSON.parse(line) as Record<string, number>);
  const steps = records.filter((record) => 'train/loss' in record);
  const evaluations = records.filter((record) => 'evaluation/accuracy' in record);
  return {
    seconds: steps.reduce((sum, record) => sum + record['speed/step_seconds']!, 0),
    steps: steps.map(stepOf),
    evaluations: evaluations.map(evaluationOf),
  };
}

/** A step's line. */
export function stepOf(record: Readonly<Record<string, number>>): ReportStep {
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

/** An evaluation's line. */
export function evaluationOf(record: Readonly<Record<string, number>>): ReportEvaluation {
  return {
    step: record.step!,
    accuracy: record['evaluation/accuracy']!,
    standardError: record['evaluation/standard_error'],
  };
}
