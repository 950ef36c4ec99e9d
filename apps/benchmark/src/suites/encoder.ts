import { join } from 'node:path';
import { type Contender, startContender } from '../contender.ts';
import type { Suite } from '../suite.ts';

const here = import.meta.dirname;
const python = join(here, '..', '..', 'python', 'encoder_step.py');

/** A training step of IResNet-18 at 112x112: our engines and PyTorch, taking turns. */
function iresnet18Step(
  batch: number,
  engines: readonly (readonly [name: string, engine: string, precision: string])[],
): Suite {
  const ours = (engine: string, precision: string): string[] => [
    ...['--import', 'tsx', '--conditions=@protomem/source'],
    ...[join(here, 'encoder-step.ts'), engine, 'iresnet18', String(batch), precision],
  ];
  const theirs = (layout: string, precision: string): string[] => [
    ...[python, 'iresnet18', String(batch), layout, precision],
  ];
  const interpreter = process.env.PROTOMEM_PYTHON ?? 'python3';
  return {
    about: `training step of iresnet18, 112x112, batch ${batch}, against PyTorch (python3 with torch)`,
    unit: 'ms',
    // PyTorch's first steps take up to twice as long as its later ones.
    warmup: 6,
    rounds: { full: 7, quick: 3 },
    caseName: `iresnet18-b${batch}`,
    baselines: ['pytorch', 'pytorch-channels-last', 'pytorch-channels-last-bf16'],
    async contenders(report): Promise<Contender[]> {
      const wanted: [name: string, command: string, args: string[]][] = [
        ...engines.map(([name, engine, precision]): [string, string, string[]] => [
          ...([name, process.execPath, ours(engine, precision)] as const),
        ]),
        ['pytorch', interpreter, theirs('nchw', 'float32')],
        ['pytorch-channels-last', interpreter, theirs('channels-last', 'float32')],
        ['pytorch-channels-last-bf16', interpreter, theirs('channels-last', 'bfloat16')],
      ];
      const contenders: Contender[] = [];
      for (const [name, command, args] of wanted) {
        // One after the other: starting costs a first step, which would disturb a neighbour's.
        const contender = await startContender(name, command, args);
        if (typeof contender === 'string') report(`${name} cannot take part: ${contender}`);
        else contenders.push(contender);
      }
      return contenders;
    },
  };
}

export const encoder = iresnet18Step(32, [
  ['node', 'node', 'float32'],
  ['node-bf16-math', 'node', 'bfloat16-math'],
]);

/** The WebAssembly heap ends at 4 GiB, which a step with 32 images exceeds. */
export const encoderWasm = iresnet18Step(8, [['wasm', 'wasm', 'float32']]);
