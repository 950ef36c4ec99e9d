import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isObject, type Json } from '@protomem/core';
import { machine } from '../page.ts';

/** A finished run of a study, one line of its file. */
export interface KeptRun {
  /** What decides its result besides the code: see {@link hashOf}. */
  readonly key: string;
  /** The code that it ran with: see {@link codeVersion}. */
  readonly code: string;
  readonly name: string;
  /** Which comparison it was made for, such as `N = 50000, search`: names are of one. */
  readonly group?: string;
  readonly seed: number;
  /** When it was finished. */
  readonly date: string;
  readonly machine: ReturnType<typeof machine>;
  readonly engine: string;
  readonly figures: Readonly<Record<string, number>>;
}

/** The finished runs of a study, kept in a file so that it can be interrupted: it goes on where it was. */
export class KeptRuns {
  private readonly file: string;
  private readonly runs: KeptRun[];
  /** Lines that are no runs with a key: cut short by a kill, or of an earlier form. They are not used. */
  readonly unusable: number;

  constructor(file: string) {
    this.file = file;
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
    this.runs = lines.flatMap((line) => parseRun(line) ?? []);
    this.unusable = lines.length - this.runs.length;
  }

  /** The newest run with this key: of this code or, where `earlierCode` allows it, of other code when there is none. */
  find(key: string, code: string, earlierCode: boolean): KeptRun | undefined {
    const found = this.runs.filter((run) => run.key === key);
    return found.findLast((run) => run.code === code) ?? (earlierCode ? found.at(-1) : undefined);
  }

  add(run: Omit<KeptRun, 'date' | 'machine'>): KeptRun {
    const kept = { ...run, date: new Date().toISOString(), machine: machine() };
    mkdirSync(dirname(this.file), { recursive: true });
    // Begins with an end of line, so that a line that was cut short spoils nothing but itself.
    appendFileSync(this.file, `\n${JSON.stringify(kept)}\n`);
    this.runs.push(kept);
    return kept;
  }
}

function parseRun(line: string): KeptRun | undefined {
  try {
    const run: unknown = JSON.parse(line);
    return isObject(run) && typeof run.key === 'string' && typeof run.code === 'string' ? (run as never) : undefined;
  } catch {
    return undefined;
  }
}

/** Sixteen hexadecimal digits that stand for plain data; the order of keys does not count. */
export function hashOf(value: Json): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(value)))
    .digest('hex')
    .slice(0, 16);
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const entries = Object.entries(value as Record<string, Json>).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

const ROOT = join(import.meta.dirname, '..', '..', '..', '..');
/** What shows or carries a result, and does not make it. */
const bystanders = ['report', 'native', 'alignment'];

/** Stands for the sources of all packages that a run's result may depend on, tests left out. */
export function codeVersion(): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(join(ROOT, 'packages')).sort()) {
    const folder = join(ROOT, 'packages', name, 'src');
    if (bystanders.includes(name) || !existsSync(folder)) continue;
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
      if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue;
      hash.update(`${name}/${file}\n`).update(readFileSync(join(folder, file)));
    }
  }
  return hash.digest('hex').slice(0, 16);
}
