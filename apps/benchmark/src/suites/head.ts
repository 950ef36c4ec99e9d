import { join } from 'node:path';
import { startAll } from '../contender.ts';
import type { Case } from '../suite.ts';
import { timed } from '../timed.ts';

const OURS = join(import.meta.dirname, 'head-step.ts');
const [BATCH, CLASSES, DIMENSION] = ['256', '64', '512'];

const variants = [
  'prototype-memory',
  'prototype-memory-unobserved',
  'prototype-memory-bfloat16',
  'prototype-memory-hardest-100',
];
const baselines = { weights: ['full-softmax', 'partial-fc'], queues: ['dcq', 'dynamic-class-pool', 'semi-siamese'] };
const theirs = ['full-softmax', 'partial-fc'];
const sizes = { '8k': 8192, '65k': 65536, '200k': 200_000 };

/** A step of each head at equal columns: beside PyTorch's heads and, in cases of their own for want of memory, our baselines. */
export const head = timed({
  about: `one step of each head, batch ${BATCH} of ${CLASSES} classes, width ${DIMENSION}, against PyTorch`,
  warmup: 6,
  rounds: { full: 9, quick: 2 },
  cases: Object.entries(sizes).flatMap(([name, columns]): Case[] => {
    const task = [String(columns), BATCH, CLASSES, DIMENSION] as const;
    const ours = (heads: readonly string[]) => heads.map((head) => [head, OURS, head, 'node', ...task] as const);
    const pytorch = theirs.map((head) => [`pytorch-${head}`, 'head_step.py', head, ...task] as const);
    return [
      {
        name,
        baselines: pytorch.map(([head]) => head),
        contenders: (report) => startAll(report, [...ours(variants), ...pytorch]),
      },
      ...Object.entries(baselines).map(([kind, heads]) => ({
        name: `${name}-${kind}`,
        baselines: heads,
        contenders: (report: (text: string) => void) => startAll(report, ours(['prototype-memory', ...heads])),
      })),
    ];
  }),
});
