// A memory divided among four processes beside a whole one: the loss, its gradient, and the bytes of each process.
//   node --import tsx --conditions=@protomem/source packages/recipes/scripts/measure-sharded.ts [slots] [width] [processes]
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clusterFromEnvironment, collective, gatherJson, LONG_WAIT_SECONDS, loadEngine } from '@protomem/engine';
import { cosFace } from '@protomem/losses';
import { createPrototypeMemory } from '@protomem/memory';
import * as tf from '@tensorflow/tfjs';
import { launchRanks } from '../src/launch-ranks.ts';

const [size = 400_000, dimension = 128, processes = 4] = process.argv.slice(2).map(Number);
/** Classes admitted at a time while the memory fills, and images of the batch that is measured, two of each class. */
const [FILLING, BATCH] = [1000, 128];

/** Fills a memory, and has it meet a batch of which half is in it. */
function meet(sharded: boolean) {
  const memory = createPrototypeMemory({ size, dimension, sharded, observedSamples: 0 });
  for (let first = 0; first < size; first += FILLING) {
    const ids = Array.from({ length: Math.min(FILLING, size - first) }, (_, i) => first + i);
    tf.tidy(() => void memory.admit(tf.randomNormal([ids.length, dimension], 0, 1, 'float32', first + 1), ids));
  }
  const labels = Array.from({ length: BATCH }, (_, i) => size - BATCH / 4 + (i >> 1));
  const numbers = tf.tidy(() => {
    let loss: number[] = [];
    const gradient = tf.grad((x) => {
      const perSample = memory.loss(x as tf.Tensor2D, labels, cosFace());
      loss = [...perSample.dataSync()];
      return tf.mean(perSample);
    })(tf.randomNormal([BATCH, dimension], 0, 1, 'float32', size + 1));
    return { loss, gradient: [...gradient.dataSync()] };
  });
  const { occupancy, evicted, bytes } = memory.metrics();
  memory.dispose();
  return { ...numbers, occupancy: occupancy!, evicted: evicted!, bytes: bytes! };
}

const length = (values: readonly number[]): number => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));
const difference = (found: readonly number[], expected: readonly number[]): number =>
  length(found.map((value, i) => value - expected[i]!)) / length(expected);
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

async function asRank(): Promise<void> {
  await loadEngine({ prefer: 'node', threads: 1, cluster: await clusterFromEnvironment() });
  const ranks = collective();
  const divided = meet(true);
  const all = gatherJson(ranks, { bytes: divided.bytes, loss: mean(divided.loss) });
  const whole = ranks.rank === 0 ? meet(false) : undefined;
  ranks.barrier(LONG_WAIT_SECONDS);
  if (whole) {
    const rows: [string, unknown][] = [
      ['slots, width, processes', `${size}, ${dimension}, ${ranks.size}`],
      [
        'occupied, evicted by the batch',
        `${whole.occupancy * size}, ${whole.evicted}; ${divided.occupancy * size}, ${divided.evicted}`,
      ],
      ['bytes of prototypes, whole', whole.bytes],
      ['bytes of prototypes, of each rank', all.map(({ bytes }) => bytes).join(', ')],
      ['share of a rank', all[0]!.bytes / whole.bytes],
      ['mean loss, whole', mean(whole.loss)],
      ['mean loss, divided, of each rank', all.map(({ loss }) => loss).join(', ')],
      ['relative difference of the mean loss', Math.abs(mean(divided.loss) / mean(whole.loss) - 1)],
      ['relative difference of losses', difference(divided.loss, whole.loss)],
      ['relative difference of gradients', difference(divided.gradient, whole.gradient)],
    ];
    for (const [name, value] of rows) console.log(`${name}: ${value}`);
  }
  ranks.close();
}

if (process.env.WORLD_SIZE) {
  await asRank();
} else {
  const logs = await mkdtemp(join(tmpdir(), 'protomem-sharded-'));
  const program = ['--import', 'tsx', '--conditions=@protomem/source', fileURLToPath(import.meta.url)];
  const command = [process.execPath, ...program, ...process.argv.slice(2)] as const;
  const options = { nprocPerNode: processes, timeout: LONG_WAIT_SECONDS, logs };
  process.exitCode = await launchRanks(options, { command: [...command], say: (line) => console.error(line) });
  await rm(logs, { recursive: true });
}
