import { describe, expect, it } from 'vitest';
import golden from './__fixtures__/golden.json' with { type: 'json' };
import { constant, cosine, multiStep, oneCycle, type Schedule, schedules } from './schedules.ts';

const table: Record<keyof typeof golden.schedules, Schedule> = {
  cosine: cosine({ base: 0.1, warmup: 5, steps: 30, final: 0.001 }),
  multiStep: multiStep({ base: 0.1, warmup: 5, milestones: [10, 20], gamma: 0.2 }),
  oneCycle: oneCycle({ max: 0.1, steps: 31, rise: 0.1 }),
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
    expect(oneCycle({ max: 1, steps: 10 })(9)).toBeCloseTo(1 / 25 / 1e4, 15);
    expect(oneCycle({ max: 1, steps: 10, rise: 0 })(0)).toBeCloseTo(1, 1);
  });

  it('refuse bad options', () => {
    expect(() => schedules.cosine({ base: 0.1, warmup: 10, steps: 10 })).toThrow(
      'cosine: steps is 10, expected an integer >= 11.',
    );
    expect(() => multiStep({ base: 0.1, milestones: [5, 5] })).toThrow('multiStep: milestones is [5, 5]');
    expect(() => constant({ base: 0 })).toThrow('constant: base is 0');
    expect(() => oneCycle({ max: 0.1, steps: 1 })).toThrow('oneCycle: steps is 1');
  });
});
