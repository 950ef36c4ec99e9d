import { join } from 'node:path';
import type { EncoderName } from '@protomem/encoders';
import { startAll } from '../contender.ts';
import type { Case, Suite } from '../suite.ts';
import { timed } from '../timed.ts';

type Task = 'train' | 'forward';
/** Name, engine or memory layout, precision, and flags that the step's script knows. */
type Entrant = readonly [name: string, where: string, precision: string, ...flags: string[]];

const eager: readonly Entrant[] = [
  ['pytorch-nchw-float32', 'nchw', 'float32'],
  ['pytorch-channels-last-float32', 'channels-last', 'float32'],
  ['pytorch-channels-last-bf16', 'channels-last', 'bfloat16'],
];
const compiled: readonly Entrant[] = [
  ['pytorch-compiled-float32', 'channels-last', 'float32', 'compile'],
  ['pytorch-compiled-bf16', 'channels-last', 'bfloat16', 'compile'],
];
const node: readonly Entrant[] = [
  ['node', 'node', 'float32'],
  ['node-bf16', 'node', 'bfloat16'],
];
/** As `foldNorms` makes them for inference. */
const folded: readonly Entrant[] = [
  ['node-folded', 'node', 'float32', 'folded'],
  ['node-folded-bf16', 'node', 'bfloat16', 'folded'],
];

/** In ratios, an engine's plain name stands for the precision of what it is compared with. */
function likeForLike(ours: string, theirs: string): string {
  if (!theirs.endsWith('-bf16')) return ours;
  return ours.endsWith('-bf16') ? ours.slice(0, -'-bf16'.length) : `${ours}-float32`;
}

/** An encoder at 112x112 on our engines and in PyTorch: a whole training step, or the forward pass of evaluation. */
function step(encoder: EncoderName, batch: number, task: Task, ours = node, theirs = eager, suffix = ''): Case {
  const script = join(import.meta.dirname, 'encoder-step.ts');
  const what = [encoder, String(batch), task] as const;
  // Cases are called as in the results of earlier releases.
  const called = encoder === 'mobile-face-net' ? 'mobilefacenet' : encoder;
  const name = `${called}-b${batch}${task === 'train' ? '' : `-${task}`}${suffix}`;
  return {
    name,
    baselines: theirs.map(([name]) => name),
    ratio: 'speed',
    key: (a, b, figure) => `${likeForLike(a, b)}/${b}@${name}${figure ? `-${figure}` : ''}`,
    contenders: (report) =>
      startAll(report, [
        ...ours.map(([name, ...how]) => [name, script, ...what, ...how] as const),
        ...theirs.map(([name, ...how]) => [name, 'encoder_step.py', ...what, ...how] as const),
      ]),
  };
}

const about = (what: string): string => `${what} at 112x112 against PyTorch (python3 with torch)`;
// PyTorch's first steps take up to twice as long as its later ones.
const steps = { warmup: { full: 6, quick: 2 }, rounds: { full: 7, quick: 3 } };

/** In float32 alone. */
const others = ['ghost-face-net-s2', 'vit-tiny', 'iresnet18-se'] as const;

export const encoder: Suite = timed({
  about: about('training step and forward pass of encoders, batch 32,'),
  ...steps,
  cases: [
    step('iresnet18', 32, 'train'),
    step('iresnet18', 32, 'forward', [...node, ...folded]),
    step('mobile-face-net', 32, 'train'),
    step('mobile-face-net', 32, 'forward', [...node, ...folded]),
    ...others.flatMap((name) => [
      step(name, 32, 'train', node.slice(0, 1), eager.slice(0, 2)),
      step(name, 32, 'forward', [...node.slice(0, 1), ...folded.slice(0, 1)], eager.slice(0, 2)),
    ]),
  ],
});

/** One of ours beside one of theirs, since all of them together do not fit in 24 GiB. */
function pairs(encoder: EncoderName, batch: number): Case[] {
  const [float32, bfloat16] = [eager.slice(1, 2), eager.slice(2)];
  return [
    step(encoder, batch, 'train', node.slice(0, 1), float32),
    step(encoder, batch, 'train', node.slice(1), bfloat16, '-bf16'),
  ];
}

export const encoderLarge: Suite = timed({
  about: about('training step of larger encoders and batches'),
  warmup: { full: 6, quick: 2 },
  rounds: { full: 5, quick: 1 },
  cases: [
    ...pairs('iresnet50', 32),
    ...pairs('iresnet18', 128),
    ...pairs('mobile-face-net', 128),
    ...(['ghost-face-net-s1', 'vit-small', 'iresnet50-se'] as const).map((name) =>
      step(name, 32, 'train', node.slice(0, 1), eager.slice(1, 2)),
    ),
  ],
});

/** Compiling takes PyTorch a minute or two for each contender. */
export const encoderCompiled: Suite = timed({
  about: about('training step, with torch.compile of the encoder,'),
  ...steps,
  cases: [step('iresnet18', 32, 'train', node, compiled), step('mobile-face-net', 32, 'train', node, compiled)],
});

const single: readonly Entrant[] = [
  ['pytorch-1-thread', 'nchw', 'float32', 'threads=1'],
  ['pytorch-channels-last-1-thread', 'channels-last', 'float32', 'threads=1'],
];
const wasm: readonly Entrant[] = [
  ['wasm-1-thread', 'wasm', 'float32', 'threads=1'],
  ['wasm', 'wasm', 'float32'],
];

/** The WebAssembly heap ends at 4 GiB, which a step of IResNet-18 with 32 images exceeds. */
export const encoderWasm: Suite = timed({
  about: about('training step on WebAssembly, one thread and all,'),
  warmup: { full: 2, quick: 1 },
  rounds: { full: 5, quick: 2 },
  cases: [step('iresnet18', 8, 'train', wasm, single), step('mobile-face-net', 8, 'train', wasm, single)],
});
