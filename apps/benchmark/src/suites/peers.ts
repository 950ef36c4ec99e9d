import { join } from 'node:path';
import type { EncoderName } from '@protomem/encoders';
import { startAll } from '../contender.ts';
import type { Case } from '../suite.ts';
import { timed } from '../timed.ts';

const OURS = join(import.meta.dirname, 'peers-step.ts');
const [BATCH, CLASSES] = ['64', '32'];
/** Columns of a softmax that does not see all identities, as a share of them. */
const SHARE = 0.1;

interface Heads {
  readonly ours: readonly string[];
  readonly pytorch: readonly string[];
}
const all: Heads = {
  ours: ['prototype-memory', 'partial-fc', 'dcq'],
  pytorch: ['full-softmax', 'partial-fc', 'pytorch-metric-learning'],
};
/** All contenders of a case are in memory at once, where a full softmax over a million would not leave room for others. */
const sampled: Heads = { ours: ['prototype-memory', 'partial-fc'], pytorch: ['partial-fc'] };

/** A whole step with so many identities: our library's heads, and those of the field in PyTorch, channels-last. */
function step(name: string, encoder: EncoderName, identities: number, { ours, pytorch }: Heads = all): Case {
  const task = [encoder, String(identities), String(SHARE * identities), BATCH, CLASSES] as const;
  const theirs = pytorch.map(
    (head) => [head.startsWith('pytorch') ? head : `pytorch-${head}`, 'peers_step.py', head, ...task] as const,
  );
  return {
    name,
    baselines: theirs.map(([called]) => called),
    ratio: 'speed',
    contenders: (report) => startAll(report, [...ours.map((head) => [head, OURS, head, ...task] as const), ...theirs]),
  };
}

export const peers = timed({
  about: `a whole training step, encoder and head, batch ${BATCH} of ${CLASSES} classes, width 512, against PyTorch, pytorch-metric-learning and Partial FC`,
  // PyTorch's first steps take up to twice as long.
  warmup: { full: 6, quick: 2 },
  rounds: { full: 5, quick: 2 },
  cases: [
    step('mobilefacenet-10k', 'mobile-face-net', 10_000),
    step('mobilefacenet-100k', 'mobile-face-net', 100_000),
    step('mobilefacenet-1M', 'mobile-face-net', 1_000_000, sampled),
    step('iresnet18-100k', 'iresnet18', 100_000),
  ],
});
