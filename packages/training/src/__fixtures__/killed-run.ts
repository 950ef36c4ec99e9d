/** A run in a process of its own, for a test to kill: `killed-run.ts DIRECTORY STEPS`. Resumes; prints each step. */
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { jsonlLogger } from '../jsonl-logger.ts';
import { cosine } from '../schedules.ts';
import { sgd } from '../sgd.ts';
import { createTrainer } from '../trainer.ts';
import { tinyEncoder, tinyHead, tinyLoader } from './tiny-parts.ts';

const [directory, steps] = [process.argv[2]!, Number(process.argv[3])];
await tf.setBackend('cpu');
const trainer = createTrainer({
  encoder: tinyEncoder(),
  head: tinyHead(),
  loader: tinyLoader(),
  optimizer: sgd(),
  schedule: cosine({ base: 0.1, warmup: 3, steps }),
  steps,
  seed: 5,
  loggers: [jsonlLogger(join(directory, 'metrics.jsonl'))],
  // At every step, so that many kills fall into the writing of a checkpoint.
  checkpoints: { directory, every: 1 },
  hooks: { onStepEnd: ({ step }) => void process.stdout.write(`${step}\n`) },
});
await trainer.resume();
await trainer.run();
