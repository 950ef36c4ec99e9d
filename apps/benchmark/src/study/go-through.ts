import { codeVersion, type KeptRun, KeptRuns } from './kept-runs.ts';

/** A run, and where its figures come from. */
export interface Found {
  readonly run: KeptRun;
  readonly from: 'this call' | 'an earlier call' | 'earlier code';
}

/** What a run leaves. */
export type Made = Pick<KeptRun, 'engine' | 'figures'>;

export interface KeepingOptions {
  /** Finished runs, a line each. */
  readonly file: string;
  /** Runs at a time. */
  readonly concurrency: number;
  /** Whether runs of earlier code count where there are none of today's; pages mark them. */
  readonly earlierCode: boolean;
  readonly say: (text: string) => void;
}

/** How to carry out runs of some kind. */
export interface Going<T> extends KeepingOptions {
  /** Which runs to carry out. Default: all that are not kept. */
  readonly only?: (one: T) => boolean;
  readonly facts: (one: T) => Pick<KeptRun, 'key' | 'name' | 'group' | 'seed'>;
  /** @param signal aborted when another run has failed. */
  readonly carryOut: (one: T, signal: AbortSignal) => Promise<Made>;
}

/** Whether a run of this name is one of those that `--only` asks for. */
export const named = (name: string, only: readonly string[] | undefined): boolean =>
  only === undefined || only.some((text) => name.includes(text));

/**
 * Carries out the runs that are not kept yet, in their order, and keeps them. When one fails, the others are ended.
 *
 * @returns the runs in the order of `wanted`; undefined for those that `only` leaves out and nobody has carried out
 */
export async function goThrough<T>(wanted: readonly T[], options: Going<T>): Promise<(Found | undefined)[]> {
  const { file, concurrency, earlierCode, only = () => true, say, facts, carryOut } = options;
  const runs = new KeptRuns(file);
  const code = codeVersion();
  if (runs.unusable > 0)
    say(`${file}: ${runs.unusable} lines without a key, of an earlier form or cut short: not used`);
  const found = wanted.map((one): Found | undefined => {
    const run = runs.find(facts(one).key, code, earlierCode);
    return run && { run, from: run.code === code ? 'an earlier call' : 'earlier code' };
  });
  const missing = [...wanted.entries()].filter(([i, one]) => !found[i] && only(one));
  const kept = found.filter(Boolean).length;
  say(`${wanted.length} runs: ${kept} are kept, ${missing.length} to go, ${concurrency} at a time`);
  const begun = performance.now();
  let [started, done] = [0, 0];
  const failed = new AbortController();
  const worker = async (): Promise<void> => {
    while (started < missing.length && !failed.signal.aborted) {
      const [i, one] = missing[started++]!;
      const about = facts(one);
      const made = await carryOut(one, failed.signal);
      found[i] = { run: runs.add({ ...about, code, ...made }), from: 'this call' };
      const left = (((performance.now() - begun) / ++done) * (missing.length - done)) / 60_000;
      const figures = Object.entries(made.figures).map(([key, value]) => `${key} ${value.toPrecision(4)}`);
      say(
        `${done}/${missing.length} ${about.name}, seed ${about.seed}: ${figures.join(', ')}  ETA ${left.toFixed(0)} min`,
      );
    }
  };
  const workers = Array.from({ length: concurrency }, worker);
  try {
    await Promise.all(workers);
  } catch (error) {
    failed.abort();
    await Promise.allSettled(workers);
    throw error;
  }
  return found;
}
