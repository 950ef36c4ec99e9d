import { check, integer, lookUp, number, type OptionsOf, option, part } from '@protomem/core';

/** The learning rate of a step; steps count from 0. */
export type Schedule = (step: number) => number;

const base = option.number({ help: 'The highest learning rate, that after warm-up.', min: Number.MIN_VALUE });
const warming = {
  base,
  warmup: option.integer({
    help: 'Steps of linear rise: base/warmup at step 0, base at step warmup - 1.',
    ...{ min: 0, default: 0 },
  }),
};
const steps = option.integer({ help: 'Steps in all, warm-up too.', min: 1 });

/** rate = base, after warm-up. */
export const constant = part('constant', warming, (settings): Schedule => warmed(settings, () => settings.base));

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
export const cosine = part(
  'cosine',
  { ...warming, steps, final: option.number({ help: 'The rate towards which it falls.', min: 0, default: 0 }) },
  ({ base, warmup, steps, final }): Schedule => {
    checkSteps('cosine', steps, warmup);
    number('cosine', 'final', final, 0, base);
    return warmed({ base, warmup }, (step) => halfCosine(base, final, falling(step, warmup, steps)));
  },
);

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
export const multiStep = part(
  'multiStep',
  {
    ...warming,
    milestones: option.numbers({ help: 'Steps at which the rate falls, rising.' }),
    gamma: option.number({ help: 'What the rate is multiplied by at each.', min: 0, max: 1, default: 0.1 }),
  },
  ({ base, warmup, milestones, gamma }): Schedule => {
    check(
      milestones.every((m, i) => Number.isSafeInteger(m) && m > (milestones[i - 1] ?? 0)),
      () => ({ where: 'multiStep', what: 'milestones', got: milestones, expected: 'rising integers >= 1' }),
    );
    return warmed({ base, warmup }, (step) => base * gamma ** milestones.filter((m) => m <= step).length);
  },
);

/**
 * Falls as a power: rate = base·(1 - t)^power, t from 0 after warm-up to 1 at `steps`.
 *
 * @throws when an option is out of range.
 * @example
 * ```ts
 * const schedule = polynomial({ base: 0.1, warmup: 100, steps: 2100 });
 * schedule(100); // 0.1
 * schedule(1100); // 0.025
 * ```
 * Source: InsightFace, recognition/arcface_torch/lr_scheduler.py, `PolyScheduler`, of power 2; torch's PolynomialLR, whose
 * default is 1. Differs from the first in its warm-up, which starts one step higher: InsightFace's first step has almost
 * no rate.
 */
export const polynomial = part(
  'polynomial',
  { ...warming, steps, power: option.number({ help: 'Exponent of the fall.', min: 0, max: 100, default: 2 }) },
  ({ base, warmup, steps, power }): Schedule => {
    checkSteps('polynomial', steps, warmup);
    return warmed({ base, warmup }, (step) => base * (1 - falling(step, warmup, steps)) ** power);
  },
);

/**
 * One cycle: half a cosine up from base/startDivisor to base, half a cosine down to
 * base/startDivisor/finalDivisor.
 *
 * @throws when an option is out of range.
 * @example
 * ```ts
 * const schedule = oneCycle({ base: 0.1, steps: 1000, warmup: 100 });
 * schedule(99); // 0.1
 * ```
 * Source: L. Smith and N. Topin, "Super-Convergence", arXiv:1708.07120; the arithmetic of torch's OneCycleLR with cosine
 * annealing. Differs from its default: momentum is left alone.
 */
export const oneCycle = part(
  'oneCycle',
  {
    base,
    warmup: option.integer({ help: 'Steps on the way up, half a cosine.', min: 0, absent: '`rise` of the steps' }),
    steps: option.integer({ help: 'Steps in all.', min: 2 }),
    rise: option.number({ help: 'Share of the steps on the way up.', min: 0, max: 1, default: 0.3 }),
    startDivisor: option.number({ help: 'base / rate at step 0.', min: 1, default: 25 }),
    finalDivisor: option.number({
      help: 'Rate at step 0 / rate at the last step.',
      ...{ min: 1, default: 1e4 },
    }),
  },
  ({ base, warmup, steps, rise, startDivisor, finalDivisor }): Schedule => {
    const start = base / startDivisor;
    const final = start / finalDivisor;
    const share = warmup === undefined ? rise : integer('oneCycle', 'warmup', warmup, 0, steps) / steps;
    const top = share * steps - 1;
    const last = steps - 1;
    return (step) => {
      if (step <= top) return halfCosine(start, base, top > 0 ? step / top : 1);
      return halfCosine(base, final, Math.min(1, (step - top) / (last - top)));
    };
  },
);

/** Schedules by name; pass `{ ...schedules, mine }` to `lookUp` to add one. */
export const schedules = { constant, cosine, 'multi-step': multiStep, polynomial, 'one-cycle': oneCycle } as const;

export type ScheduleName = keyof typeof schedules;

/** The options of the schedule of that name. */
export type ScheduleOptions<Name extends ScheduleName> = OptionsOf<(typeof schedules)[Name]['options']>;

/**
 * Makes a schedule by its name.
 *
 * @param options of that schedule, and the run's `steps`, which a schedule without an end leaves aside.
 * @throws ProtomemError for an unknown name or option, which it answers with the known ones.
 * @example
 * ```ts
 * const schedule = createSchedule('one-cycle', { base: 0.1, warmup: 100, steps: 1000 });
 * ```
 */
export function createSchedule<Name extends ScheduleName>(
  name: Name,
  options: ScheduleOptions<Name> & { readonly steps: number },
): Schedule {
  const make = lookUp('createSchedule', 'name', schedules, name);
  const { steps: _, ...endless } = options;
  return make(('steps' in make.options ? options : endless) as never);
}

function halfCosine(from: number, to: number, t: number): number {
  return to + ((from - to) * (1 + Math.cos(Math.PI * t))) / 2;
}

/** 0 after warm-up, 1 at `steps` and beyond. */
function falling(step: number, warmup: number, steps: number): number {
  return Math.min(1, (step - warmup) / (steps - warmup));
}

function checkSteps(where: string, steps: number, warmup: number): void {
  integer(where, 'steps', steps, warmup + 1);
}

function warmed(
  { base, warmup }: { readonly base: number; readonly warmup: number },
  after: (step: number) => number,
): Schedule {
  return (step) => (step < warmup ? (base * (step + 1)) / warmup : after(step));
}
