import { join } from 'node:path';
import { startAll } from '../contender.ts';
import type { Case, Suite } from '../suite.ts';
import { timed } from '../timed.ts';

function limit(name: string, task: string, precisions: readonly string[]): Case {
  return {
    name,
    baselines: ['pytorch-float32'],
    ratio: 'speed',
    contenders: (report) =>
      startAll(report, [
        ...(['node', 'wasm'] as const).map(
          (engine) => [engine, join(import.meta.dirname, 'limits-step.ts'), task, engine] as const,
        ),
        ...precisions.map((precision) => [`pytorch-${precision}`, 'limits_step.py', task, precision] as const),
      ]),
  };
}

/** What the machine gives: the ceilings of every other suite's figures. */
export const limits: Suite = timed({
  about: 'arithmetic and memory bandwidth that ops reach: a product of 2048 x 2048 matrices, a sum of 2^25 numbers',
  warmup: 3,
  rounds: { full: 20, quick: 5 },
  cases: [limit('matmul', 'matmul', ['float32', 'bfloat16']), limit('add', 'add', ['float32'])],
});
