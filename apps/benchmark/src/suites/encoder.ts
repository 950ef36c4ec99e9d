import { join } from 'node:path';
import { type Contender, startContender } from '../contender.ts';
import type { Suite } from '../suite.ts';

const here = import.meta.dirname;
const python = join(here, '..', '..', 'python', 'encoder_step.py');

/** A training step of IResNet-18 at 112x112, batch 32: our engines and PyTorch, taking turns. */
export const encoder: Suite = {
  about: 'training step of iresnet18, 112x112, batch 32, against PyTorch (python3 with torch)',
  unit: 'ms',
  rounds: { full: 7, quick: 3 },
  caseName: 'iresnet18-b32',
  baselines: ['pytorch', 'pytorch-channels-last', 'pytorch-channels-last-bf16'],
  async contenders(report): Promise<Contender[]> {
    const ours = (engine: string, precision: string): string[] => [
      ...['--import', 'tsx', '--conditions=@protomem/source'],
      ...[join(here, 'encoder-step.ts'), engine, 'iresnet18', '32', precision],
    ];
    const theirs = (layout: string, precision: string): string[] => [python, 'iresnet18', '32', layout, precision];
    const interpreter = process.env.PROTOMEM_PYTHON ?? 'python3';
    const wanted: [name: string, command: string, args: string[]][] = [
      ['node', process.execPath, ours('node', 'float32')],
      ['node-bf16-math', process.execPath, ours('node', 'bfloat16-math')],
      ['wasm', process.execPath, ours('wasm', 'float32')],
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
