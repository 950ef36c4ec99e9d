import type { Measured } from '../suite.ts';
import type { Found } from './go-through.ts';

/** A figure of a run, as a column of the page. */
export interface Column {
  readonly key: string;
  readonly name: string;
  /** A share that is shown in percent, with its standard error over the seeds. */
  readonly percent?: boolean;
}

/**
 * A case for each comparison, with a row for each contender of which there are runs; of the others, and of seeds that are
 * missing, it says so.
 *
 * @param found of each of `wanted`
 */
export function casesOf(
  wanted: readonly { readonly group: string; readonly name: string }[],
  found: readonly (Found | undefined)[],
  columns: readonly Column[],
): { readonly cases: Record<string, Record<string, Measured>>; readonly absent: readonly string[] } {
  const rows = new Map<
    string,
    { readonly group: string; readonly name: string; readonly runs: (Found | undefined)[] }
  >();
  for (const [i, { group, name }] of wanted.entries()) {
    const key = JSON.stringify([group, name]);
    const row = rows.get(key) ?? { group, name, runs: [] };
    row.runs.push(found[i]);
    rows.set(key, row);
  }
  const cases: Record<string, Record<string, Measured>> = {};
  const absent: string[] = [];
  for (const { group, name, runs } of rows.values()) {
    const there = runs.filter((run) => run !== undefined);
    if (there.length < runs.length)
      absent.push(`${group}: ${name}: ${runs.length - there.length} of ${runs.length} seeds not run`);
    if (there.length > 0) cases[group] = { ...cases[group], [name]: summarizeRuns(there, columns) };
  }
  return { cases, absent };
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
