import type { Contender } from './contender.ts';
import type { Summary } from './statistics.ts';

/** Who took part in one case, and what was measured of it. */
export interface Measured {
  readonly about: Readonly<Record<string, unknown>>;
  readonly time?: Summary;
  /** Other figures of it, in units that their names tell. */
  readonly figures?: Readonly<Record<string, number>>;
}

/** What a suite found. */
export interface SuiteResult {
  readonly unit: string;
  /** By case, then by contender. */
  readonly cases: Readonly<Record<string, Readonly<Record<string, Measured>>>>;
  /** `A/B@CASE`: the first's figure over the second's. */
  readonly ratios: Readonly<Record<string, number>>;
  /** How to read the ratios. Default: below 1, the first is faster or smaller. */
  readonly reading?: string;
  /** How the figures were taken, in a sentence. Default: contenders took turns in one run. */
  readonly taken?: string;
  /** Who could not take part, and why. */
  readonly absent: readonly string[];
  /** Sections for the Markdown page, after the tables. */
  readonly notes?: readonly string[];
}

export interface SuiteRun {
  readonly quick: boolean;
  /** Whether to tell where the time of a step goes. Default false. */
  readonly profile?: boolean;
  /** Whether kept runs of earlier code count where there are none of today's; pages mark them. Default false. */
  readonly earlier?: boolean;
  /** Part of the names of the runs to carry out; others are shown as far as they are kept. Default: all. */
  readonly only?: readonly string[];
  /** Where results go, and a folder of data for suites that need one. */
  readonly out: string;
  readonly data?: string;
  /** A line for whoever waits. */
  say(text: string): void;
}

/** One benchmark. */
export interface Suite {
  readonly about: string;
  run(run: SuiteRun): Promise<SuiteResult>;
}

/** Contenders that take turns at one task. */
export interface Case {
  readonly name: string;
  /** Contenders that the others are divided by. */
  readonly baselines: readonly string[];
  /** How the ratio of two contenders is called, of times or of a figure. Default `A/B@CASE` or `A/B@CASE-FIGURE`. */
  key?(a: string, b: string, figure?: string): string;
  /** What a ratio of two contenders' times is: of times (the default), or of speeds, above 1 where the first is faster. */
  readonly ratio?: 'time' | 'speed';
  contenders(report: (text: string) => void): Promise<Contender[]>;
}

/** As many in a full run, and in a quick one. */
interface Quantity {
  readonly full: number;
  readonly quick: number;
}

/** A {@link Suite} that times contenders, case by case. */
export interface TimedSuite {
  readonly about: string;
  /** Steps of each before the first measurement. */
  readonly warmup: number | Quantity;
  /** Measurements of each contender. */
  readonly rounds: Quantity;
  readonly cases: readonly Case[];
}
