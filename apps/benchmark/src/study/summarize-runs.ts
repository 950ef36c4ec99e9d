import type { Measured } from '../suite.ts';
import type { Found } from './study.ts';

/** A figure of a run, as a column of the page. */
export interface Column {
  readonly key: string;
  readonly name: string;
  /** A share that is shown in percent, with its standard error over the seeds. */
  readonly percent?: boolean;
}

/** Several seeds of one contender: means, standard errors over the seeds, and which runs they are. */
export function summarizeRuns(found: readonly Found[], columns: readonly Column[]): Measured {
  const figures: Record<string, number> = { seeds: found.length };
  for (const { key, name, percent } of columns) {
    const values = found.flatMap(({ run }) => run.figures[key] ?? []);
    if (values.length === 0) continue;
    const { mean, error } = meanAndError(values);
    figures[name] = percent ? 100 * mean : mean;
    if (percent && values.length > 1) figures[`${name} ±`] = 100 * error;
  }
  const of = (from: Found['from']) => found.filter((one) => one.from === from);
  const days = [...new Set(found.map(({ run }) => run.date.slice(0, 10)))].sort();
  const kinds = (['this call', 'an earlier call', 'earlier code'] as const).filter((from) => of(from).length > 0);
  const ran = kinds.map((from) => `${of(from).length} ${words[from]}`).join(', ');
  return { about: { ran: `${ran}; ${days.join(' and ')}`, engine: found[0]?.run.engine }, figures };
}

const words: Readonly<Record<Found['from'], string>> = {
  'this call': 'now',
  'an earlier call': 'kept',
  'earlier code': 'kept, of earlier code',
};

/** Machines and engines that runs of a study were made on, for the head of its page. */
export function whereRun(found: readonly Found[]): string {
  const each = found.map(
    ({ run: { machine, engine } }) => `${machine.cpu}, ${machine.cores} cores, node ${machine.node}, ${engine}`,
  );
  return `Runs have dates of their own, in their rows; they were made on ${[...new Set(each)].join('; and on ')}.`;
}

export function meanAndError(values: readonly number[]): { readonly mean: number; readonly error: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, error: values.length > 1 ? Math.sqrt(squares / (values.length - 1) / values.length) : 0 };
}
