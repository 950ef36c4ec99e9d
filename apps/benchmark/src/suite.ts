import type { Contender } from './contender.ts';

/** One benchmark: who takes part, and what is measured. */
export interface Suite {
  readonly about: string;
  readonly unit: string;
  /** Steps of each before the first measurement. */
  readonly warmup: number;
  /** Measurements of each contender. */
  readonly rounds: { readonly full: number; readonly quick: number };
  readonly caseName: string;
  /** Contenders that the others are divided by: `ratios['ours/theirs@case']`. */
  readonly baselines: readonly string[];
  contenders(report: (text: string) => void): Promise<Contender[]>;
}
