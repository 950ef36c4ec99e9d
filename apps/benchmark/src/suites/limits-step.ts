// One contender of the suite `limits`: what an engine reaches on work that nothing else holds up.
import { type EngineName, loadEngine } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { serve } from '../serve.ts';

const [task, engineName] = process.argv.slice(2) as ['matmul' | 'add', EngineName];
const engine = await loadEngine({ prefer: engineName });
const shape = task === 'matmul' ? [2048, 2048] : [2 ** 25];
const [a, b] = [tf.randomNormal(shape), tf.randomNormal(shape)];
const times: number[] = [];

/** The op has ended when its call returns. */
function step(): number {
  const begun = performance.now();
  (task === 'matmul' ? tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D) : tf.add(a, b)).dispose();
  times.push(performance.now() - begun);
  return times.at(-1)!;
}

function figures(): Readonly<Record<string, number>> {
  const nanoseconds = times.toSorted((x, y) => x - y)[times.length >> 1]! * 1e6;
  return task === 'matmul'
    ? { gflops: (2 * 2048 ** 3) / nanoseconds }
    : { gigabytesPerSecond: (12 * 2 ** 25) / nanoseconds };
}

step();
await serve({ ...engine }, step, figures);
