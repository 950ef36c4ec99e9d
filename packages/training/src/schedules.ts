import { check, integer, number } from '@protomem/core';

/** The learning rate of a step; steps count from 0. */
export type Schedule = (step: number) => number;

interface Warmup {
  /** The rate after warm-up, > 0. */
  readonly base: number;
  /** Steps of linear rise, base/warmup at step 0 and base at step warmup - 1. Default 0. */
  readonly warmup?: number;
}

/** rate = base, after warm-up. */
export function constant(options: Warmup): Schedule {
  return warmed('constant', options, (base) => base);
}

export interface CosineOptions extends Warmup {
  /** Steps in all, warm-up too. */
  readonly steps: number;
  /** The rate towards which it falls. Default 0. */
  readonly final?: number;
}

/**
 * Half a cosine: rate = final + (base - final)·(1 + cos(π·t))/2, t from 0 after warm-up to 1 at `steps`.
 *
 * @throws when an option is out of range.
 * @example
 * ```ts
 * const schedule = cosine({ base: 0.1, warmup: 100, steps: 2000 });
 * schedule(0); // 0.001
 * schedule(100); // 0.1
 * ```
 * Source: I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017, eq. 5, without
 * restarts.
 */
export function cosine(options: CosineOptions): Schedule {
  const steps = integer('cosine', 'steps', options.steps, (options.warmup ?? 0) + 1);
  const final = number('cosine', 'final', options.final ?? 0, 0, options.base);
  const warmup = options.warmup ?? 0;
  return warmed('cosine', options, (base, step) => {
    const t = Math.min(1, (step - warmup) / (steps - warmup));
    return final + ((base - final) * (1 + Math.cos(Math.PI * t))) / 2;
  });
}

export interface MultiStepOptions extends Warmup {
  /** Steps at which the rate falls, rising. */
  readonly milestones: readonly number[];
  /** What the rate is multiplied by at each. Default 0.1. */
  readonly gamma?: number;
}

/**
 * Falls in steps: rate = base·gamma^(milestones reached).
 *
 * @throws when an option is out of range or the milestones do not rise.
 * @example
 * ```ts
 * const schedule = multiStep({ base: 0.1, milestones: [1000, 1600] });
 * schedule(999); // 0.1
 * schedule(1000); // 0.01
 * ```
 */
export function multiStep(options: MultiStepOptions): Schedule {
  const { milestones } = options;
  const gamma = number('multiStep', 'gamma', options.gamma ?? 0.1, 0, 1);
  check(
    milestones.every((m, i) => Number.isSafeInteger(m) && m > (milestones[i - 1] ?? 0)),
    () => ({ where: 'multiStep', what: 'milestones', got: milestones, expected: 'rising integers >= 1' }),
  );
  return warmed('multiStep', options, (base, step) => base * gamma ** milestones.filter((m) => m <= step).length);
}

export interface OneCycleOptions {
  /** The rate at the top, > 0. */
  readonly max: number;
  /** Steps in all. */
  readonly steps: number;
  /** Share of the steps on the way up. Default 0.3. */
  readonly rise?: number;
  /** max / rate at step 0. Default 25. */
  readonly startDivisor?: number;
  /** rate at step 0 / rate at the last step. Default 1e4. */
  readonly finalDivisor?: number;
}

/**
 * One cycle: half a cosine up from max/startDivisor to max, half a cosine down to max/startDivisor/finalDivisor.
 *
 * @throws when an option is out of range.
 * @example
 * ```ts
 * const schedule = oneCycle({ max: 0.1, steps: 1000, rise: 0.1 });
 * schedule(99); // 0.1
 * ```
 * Source: L. Smith and N. Topin, "Super-Convergence", arXiv:1708.07120; the arithmetic of torch's OneCycleLR with cosine
 * annealing. Differs from its default: momentum is left alone.
 */
export function oneCycle(options: OneCycleOptions): Schedule {
  const max = number('oneCycle', 'max', options.max, Number.MIN_VALUE, Number.MAX_VALUE);
  const steps = integer('oneCycle', 'steps', options.steps, 2);
  const rise = number('oneCycle', 'rise', options.rise ?? 0.3, 0, 1);
  const start = max / number('oneCycle', 'startDivisor', options.startDivisor ?? 25, 1, Number.MAX_VALUE);
  const final = start / number('oneCycle', 'finalDivisor', options.finalDivisor ?? 1e4, 1, Number.MAX_VALUE);
  const top = rise * steps - 1;
  const last = steps - 1;
  return (step) => {
    if (step <= top) return halfCosine(start, max, top > 0 ? step / top : 1);
    return halfCosine(max, final, Math.min(1, (step - top) / (last - top)));
  };
}

/** Schedules by name. */
export const schedules = { constant, cosine, multiStep, oneCycle } as const;

function halfCosine(from: number, to: number, t: number): number {
  return to + ((from - to) * (1 + Math.cos(Math.PI * t))) / 2;
}

function warmed(where: string, options: Warmup, after: (base: number, step: number) => number): Schedule {
  const base = number(where, 'base', options.base, Number.MIN_VALUE, Number.MAX_VALUE);
  const warmup = integer(where, 'warmup', options.warmup ?? 0, 0);
  return (step) => (step < warmup ? (base * (step + 1)) / warmup : after(base, step));
}
