import type { LookAlike } from '@protomem/core';
import type { VerificationReport } from '@protomem/evaluation';
import type { PrototypeMemory } from '@protomem/memory';
import type { Suspect } from '@protomem/mining';
import type { RunConfig } from './run-schema.ts';

/** What training one head gave: plain data, kept in `result.json`. */
export interface HeadResult {
  readonly kind: RunConfig['head']['kind'];
  readonly name: string;
  readonly seconds: number;
  readonly steps: number;
  readonly imagesPerSecond: number;
  readonly verification: VerificationReport;
  /** Positions in the pair list, and the scores there. */
  readonly falseMatches: readonly (readonly [pair: number, score: number])[];
  readonly falseNonMatches: readonly (readonly [pair: number, score: number])[];
  readonly memory?: MemorySummary;
  /** Training identities that looked most alike late in training. */
  readonly lookAlikes?: readonly LookAlike[];
  /** Training identities that may be one person, the most alike first; of runs with a miner. */
  readonly suspects?: readonly Suspect[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

/** A memory at the end of training: plain data. */
export interface MemorySummary {
  readonly slots: number;
  readonly used: number;
  /** Steps since the last refresh of every used slot. */
  readonly ages: readonly number[];
  /** Cosine of stored to new prototypes, by age. */
  readonly staleness: readonly {
    readonly from: number;
    readonly to: number;
    readonly count: number;
    readonly meanCosine: number;
  }[];
}

/** A head's result as its file holds it, files of earlier releases too: those call look-alikes rivals. */
export function readHeadResult(saved: unknown): HeadResult {
  const { rivals, ...result } = saved as HeadResult & {
    readonly rivals?: readonly { readonly id: number; readonly rival: number; readonly cosine: number }[];
  };
  if (!rivals) return result;
  return { ...result, lookAlikes: rivals.map(({ rival, ...pair }) => ({ ...pair, lookAlike: rival })) };
}

/** Training identities that look most alike, each pair once. */
export function closestLookAlikes(memory: PrototypeMemory): LookAlike[] {
  const pairs = new Map<string, LookAlike>();
  for (const pair of memory.lookAlikes()) {
    const key = [pair.id, pair.lookAlike].sort((a, b) => a - b).join();
    if (!pairs.has(key)) pairs.set(key, pair);
  }
  return [...pairs.values()].slice(0, 8);
}

export function summarizeMemory(memory: PrototypeMemory): MemorySummary {
  return {
    slots: memory.size,
    used: memory.occupied,
    ages: Array.from(memory.ages()),
    staleness: memory.stalenessCurve().map(({ age, cosine, count }) => ({
      from: age,
      to: age,
      count,
      meanCosine: cosine,
    })),
  };
}
