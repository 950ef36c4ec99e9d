import { describe, expect, it } from 'vitest';
import golden from '../fixtures/golden.json' with { type: 'json' };
import {
  constant,
  cosine,
  createSchedule,
  multiStep,
  oneCycle,
  polynomial,
  type Schedule,
  type ScheduleName,
  schedules,
} from './schedules.ts';

const table: Record<keyof typeof golden.schedules, Schedule> = {
  cosine: cosine({ base: 0.1, warmup: 5, steps: 30, final: 0.001 }),
  multiStep: multiStep({ base: 0.1, warmup: 5, milestones: [10, 20], gamma: 0.2 }),
  oneCycle: oneCycle({ base: 0.1, steps: 31, rise: 0.1 }),
};

describe('schedules', () => {
  it.each(Object.keys(table) as (keyof typeof table)[])("%s equals PyTorch's", (name) => {
    for (const [step, rate] of golden.schedules[name].entries()) expect(table[name](step)).toBeCloseTo(rate, 12);
  });

  it('warm up in equal steps and end where they should', () => {
    const rate = constant({ base: 0.4, warmup: 4 });
    expect([0, 1, 2, 3, 4, 1000].map(rate)).toEqual([0.1, 0.2, 0.30000000000000004, 0.4, 0.4, 0.4]);
    expect(cosine({ base: 1, steps: 10 })(10)).toBe(0);
    expect(cosine({ base: 1, steps: 10 })(25)).toBe(0);
    expect(oneCycle({ base: 1, steps: 10 })(9)).toBeCloseTo(1 / 25 / 1e4, 15);
    expect(oneCycle({ base: 1, steps: 10, rise: 0 })(0)).toBeCloseTo(1, 1);
  });

  it('polynomial falls as InsightFace and PyTorch have it', () => {
    const [base, warmup, steps] = [0.1, 5, 30];
    const insightFace = polynomial({ base, warmup, steps });
    for (let step = warmup; step <= steps; step++) {
      expect(insightFace(step)).toBeCloseTo(base * (1 - (step - warmup) / (steps - warmup)) ** 2, 15);
    }
    expect([0, 4].map(insightFace)).toEqual([0.02, 0.1]);
    expect(insightFace(steps + 10)).toBe(0);
    // PolynomialLR makes each rate from the one before it.
    const torch = polynomial({ base, steps, power: 0.9 });
    let rate = base;
    for (let step = 1; step < steps; step++) {
      rate *= ((1 - step / steps) / (1 - (step - 1) / steps)) ** 0.9;
      expect(torch(step)).toBeCloseTo(rate, 12);
    }
  });

  it('are all made by name, from the same words', () => {
    for (const name of Object.keys(schedules) as ScheduleName[]) {
      const own = name === 'multi-step' ? { milestones: [20] } : {};
      const schedule = createSchedule(name, { base: 0.2, warmup: 4, steps: 30, ...own } as never);
      const rates = Array.from({ length: 30 }, (_, step) => schedule(step));
      expect([name, rates[3]]).toEqual([name, 0.2]);
      expect([name, Math.max(...rates)]).toEqual([name, 0.2]);
      expect([name, rates[0]! < rates[1]! && rates[1]! < rates[2]!]).toEqual([name, true]);
    }
    expect(() => createSchedule('constant', { base: 1, steps: 3, final: 0 } as never)).toThrow('an option is "final"');
    expect(() => createSchedule('cosin' as 'cosine', { base: 1, steps: 3 })).toThrow('Did you mean "cosine"?');
  });

  it('one-cycle has the same doubles for steps as for their share', () => {
    for (const [warmup, steps] of [
      [0, 7],
      [3, 7],
      [100, 2000],
      [333, 1001],
      [5000, 49_999],
    ] as const) {
      const bySteps = createSchedule('one-cycle', { base: 0.1, warmup, steps });
      const byShare = oneCycle({ base: 0.1, steps, rise: warmup / steps });
      for (let step = 0; step < steps; step++) expect(bySteps(step)).toBe(byShare(step));
    }
    expect(() => oneCycle({ base: 0.1, warmup: 11, steps: 10 })).toThrow(
      'oneCycle: warmup is 11, expected an integer in [0, 10].',
    );
  });

  it('refuse bad options', () => {
    expect(() => schedules.cosine({ base: 0.1, warmup: 10, steps: 10 })).toThrow(
      'cosine: steps is 10, expected an integer >= 11.',
    );
    expect(() => multiStep({ base: 0.1, milestones: [5, 5] })).toThrow('multiStep: milestones is [5, 5]');
    expect(() => constant({ base: 0 })).toThrow('constant: base is 0');
    expect(() => oneCycle({ base: 0.1, steps: 1 })).toThrow('oneCycle: steps is 1');
  });
});
