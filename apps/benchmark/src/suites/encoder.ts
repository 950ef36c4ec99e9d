import { join } from 'node:path';
import { startAll } from '../contender.ts';
import type { Suite } from '../suite.ts';
import { timed } from '../timed.ts';

/** A training step of IResNet-18 at 112x112: our engines and PyTorch, taking turns. */
function iresnet18Step(
  batch: number,
  engines: readonly (readonly [name: string, engine: string, precision: string])[],
): Suite {
  const ours = join(import.meta.dirname, 'encoder-step.ts');
  const baselines = [
    ['pytorch', 'nchw', 'float32'],
    ['pytorch-channels-last', 'channels-last', 'float32'],
    ['pytorch-channels-last-bf16', 'channels-last', 'bfloat16'],
  ] as const;
  return timed({
    about: `training step of iresnet18, 112x112, batch ${batch}, against PyTorch (python3 with torch)`,
    // PyTorch's first steps take up to twice as long as its later ones.
    warmup: 6,
    rounds: { full: 7, quick: 3 },
    cases: [
      {
        name: `iresnet18-b${batch}`,
        baselines: baselines.map(([name]) => name),
        contenders: (report) =>
          startAll(report, [
            ...engines.map(
              ([name, engine, precision]) => [name, ours, engine, 'iresnet18', String(batch), precision] as const,
            ),
            ...baselines.map(
              ([name, layout, precision]) =>
                [name, 'encoder_step.py', 'iresnet18', String(batch), layout, precision] as const,
            ),
          ]),
      },
    ],
  });
}

export const encoder = iresnet18Step(32, [
  ['node', 'node', 'float32'],
  ['node-bf16', 'node', 'bfloat16'],
]);

/** The WebAssembly heap ends at 4 GiB, which a step with 32 images exceeds. */
export const encoderWasm = iresnet18Step(8, [['wasm', 'wasm', 'float32']]);
