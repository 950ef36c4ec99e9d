import { checkShape, type LookAlike, pairKey, type Shape } from '@protomem/core';
import type { EngineInfo } from '@protomem/engine';
import type { VerificationReport } from '@protomem/evaluation';
import type { PrototypeMemory } from '@protomem/memory';
import type { Suspect } from '@protomem/mining';
import type { KnownResult } from './known.ts';
import type { Plan } from './plan.ts';
import type { RunConfig } from './run-schema.ts';

/** What training one head gave: plain data, kept in `result.json`. */
export interface HeadResult {
  readonly kind: RunConfig['head']['kind'];
  readonly name: string;
  readonly seconds: number;
  readonly steps: number;
  readonly imagesPerSecond: number;
  readonly verification: VerificationReport;
  /** How people are found by other images of theirs; of pairs of the kind `other-images`. */
  readonly known?: KnownResult;
  /** What the weights that it began from can do, on the same test; of runs with `encoder.init`. */
  readonly before?: Pick<VerificationReport, 'accuracy' | 'binomialError' | 'equalErrorRate' | 'tarAtFar'> & {
    readonly known?: KnownResult;
  };
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
  /** Share of a batch's classes that were found in memory, mean over the run; results of earlier releases have none. */
  readonly hitRate?: number;
  /** What was to be expected. */
  readonly expectedHitRate?: number;
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

/** What a reader of a verification takes for granted. */
export const verificationShape: Shape = {
  accuracy: 'number',
  standardDeviation: 'number',
  standardError: 'number',
  binomialError: 'number',
  equalErrorRate: 'number',
  areaUnderCurve: 'number',
  positives: 'number',
  negatives: 'number',
  threshold: 'number',
  folds: [{ accuracy: 'number' }],
  tarAtFar: [{ far: 'number' }],
  roc: { far: ['number'], tar: ['number'] },
  scores: {
    same: { edges: ['number'], counts: ['number'] },
    different: { edges: ['number'], counts: ['number'] },
  },
};

const knownShape = {
  people: 'number',
  images: 'number',
  found: 'number',
  interval: ['number'],
  thresholds: [{ far: 'number', threshold: 'number' }],
  'tooLittle?': 'text',
} as const;
const planShape = { sentences: ['text'], 'expectedHitRate?': 'number', 'warning?': 'text' } as const;
const pair = { cosine: 'number' } as const;
const headShape: Shape = {
  kind: 'text',
  name: 'text',
  seconds: 'number',
  steps: 'number',
  imagesPerSecond: 'number',
  verification: verificationShape,
  'known?': knownShape,
  'before?': {
    ...{ accuracy: 'number', binomialError: 'number', equalErrorRate: 'number' },
    tarAtFar: [{ far: 'number' }],
    'known?': knownShape,
  },
  falseMatches: [['number']],
  falseNonMatches: [['number']],
  'memory?': {
    slots: 'number',
    used: 'number',
    'hitRate?': 'number',
    'expectedHitRate?': 'number',
    ages: ['number'],
    staleness: [{ from: 'number', to: 'number', count: 'number', meanCosine: 'number' }],
  },
  'rivals?': [pair],
  'lookAlikes?': [pair],
  'suspects?': [pair],
  skipped: [{ name: 'text', reason: 'text' }],
};

/**
 * A head's result as its file holds it, files of earlier releases too: those call look-alikes rivals.
 *
 * @throws {ProtomemError} that names the file and what is missing or of another kind in it.
 */
export function readHeadResult(saved: unknown, where: string): HeadResult {
  checkShape(saved, headShape, where);
  const { rivals, ...result } = saved as HeadResult & {
    readonly rivals?: readonly { readonly id: number; readonly rival: number; readonly cosine: number }[];
  };
  if (!rivals) return result;
  return { ...result, lookAlikes: rivals.map(({ rival, ...pair }) => ({ ...pair, lookAlike: rival })) };
}

/** What `metrics.json` of a run holds. */
export interface RunMetrics {
  readonly engine: EngineInfo;
  readonly config: RunConfig;
  readonly seconds: number;
  /** The run's own head, then its baselines. */
  readonly heads: readonly HeadResult[];
  /** What was said before the first step; runs of earlier releases have none. */
  readonly plan?: Plan;
}

/**
 * The results of a run as `metrics.json` holds them.
 *
 * @throws {ProtomemError} that names the file and what is missing or of another kind in it.
 */
export function readRunMetrics(saved: unknown, where: string): RunMetrics {
  const config = { seed: 'number', data: {}, evaluation: {} } as const;
  checkShape(saved, { engine: { engine: 'text' }, config, seconds: 'number', heads: [{}], 'plan?': planShape }, where);
  const { heads, ...metrics } = saved as RunMetrics;
  return { ...metrics, heads: heads.map((head) => readHeadResult(head, where)) };
}

/** Training identities that look most alike, each pair once. */
export function closestLookAlikes(memory: PrototypeMemory): LookAlike[] {
  const pairs = new Map<string, LookAlike>();
  for (const pair of memory.lookAlikes()) {
    const key = pairKey(pair.id, pair.lookAlike);
    if (!pairs.has(key)) pairs.set(key, pair);
  }
  return [...pairs.values()].slice(0, 8);
}

/** @param hitRates over the run: that which was found, and that which was to be expected */
export function summarizeMemory(
  memory: PrototypeMemory,
  hitRates: Pick<MemorySummary, 'hitRate' | 'expectedHitRate'> = {},
): MemorySummary {
  return {
    slots: memory.size,
    used: memory.occupied,
    ...hitRates,
    ages: Array.from(memory.ages()),
    staleness: memory.stalenessCurve().map(({ age, cosine, count }) => ({
      from: age,
      to: age,
      count,
      meanCosine: cosine,
    })),
  };
}
