import { join } from 'node:path';
import type { EncoderName } from '@protomem/encoders';
import { startAll } from '../contender.ts';
import type { Case, Suite } from '../suite.ts';
import { timed } from '../timed.ts';

type Task = 'train' | 'forward';
type Ours = readonly [name: string, engine: string, precision: string];

const baselines = [
  ['pytorch-nchw-float32', 'nchw', 'float32'],
  ['pytorch-channels-last-float32', 'channels-last', 'float32'],
  ['pytorch-channels-last-bf16', 'channels-last', 'bfloat16'],
] as const;
const node: readonly Ours[] = [
  ['node', 'node', 'float32'],
  ['node-bf16', 'node', 'bfloat16'],
];

/** An encoder at 112x112 on our engines and in PyTorch: a whole training step, or the forward pass of evaluation. */
function step(encoder: EncoderName, batch: number, task: Task, engines: readonly Ours[] = node): Case {
  const ours = join(import.meta.dirname, 'encoder-step.ts');
  const what = [encoder, String(batch), task] as const;
  return {
    name: `${encoder}-b${batch}${task === 'train' ? '' : `-${task}`}`,
    baselines: baselines.map(([name]) => name),
    ratio: 'speed',
    contenders: (report) =>
      startAll(report, [
        ...engines.map(([name, engine, precision]) => [name, ours, ...what, engine, precision] as const),
        ...baselines.map(([name, layout, precision]) => [name, 'encoder_step.py', ...what, layout, precision] as const),
      ]),
  };
}

const about = (what: string): string => `${what} at 112x112 against PyTorch (python3 with torch)`;
// PyTorch's first steps take up to twice as long as its later ones.
const steps = { warmup: { full: 6, quick: 2 }, rounds: { full: 7, quick: 3 } };

export const encoder: Suite = timed({
  about: about('training step and forward pass of encoders, batch 32,'),
  ...steps,
  cases: [
    step('iresnet18', 32, 'train'),
    step('iresnet18', 32, 'forward'),
    step('mobilefacenet', 32, 'train'),
    step('mobilefacenet', 32, 'forward'),
  ],
});

export const encoderLarge: Suite = timed({
  about: about('training step of larger encoders and batches'),
  warmup: { full: 2, quick: 1 },
  rounds: { full: 5, quick: 1 },
  cases: [
    step('iresnet50', 32, 'train'),
    step('iresnet18', 128, 'train'),
    step('mobilefacenet', 128, 'train'),
    step('iresnet50', 128, 'train'),
  ],
});

/** The WebAssembly heap ends at 4 GiB, which a step with 32 images exceeds. */
export const encoderWasm: Suite = timed({
  about: about('training step on WebAssembly'),
  ...steps,
  cases: [step('iresnet18', 8, 'train', [['wasm', 'wasm', 'float32']])],
});
