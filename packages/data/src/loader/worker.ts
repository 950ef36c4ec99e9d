import { parentPort, workerData } from 'node:worker_threads';
import { ProtomemError } from '@protomem/core';
import { createAugmentation } from '../augment/create-augmentation.ts';
import { decodeChecked } from '../decode.ts';
import { openSource } from '../sources/open-source.ts';
import { createAssembler } from './assemble.ts';
import type { Job, JobResult, ProducerSpec } from './producer-types.ts';

// The thread of a worker pool: gets plans, sends batches. Plans are worked on as they come; the loader bounds their number.
const spec = workerData as ProducerSpec;
const source = await openSource(spec.source);
const augmentation = spec.augmentation && createAugmentation(spec.augmentation);
const assemble = createAssembler({ ...spec, source, augmentation }, decodeChecked);
const port = parentPort!;

port.on('message', async ({ id, plan, pass }: Job) => {
  let result: JobResult;
  try {
    result = { id, batch: await assemble(plan, pass) };
  } catch (error) {
    result = { id, error: error instanceof ProtomemError ? error.parts : String((error as Error).stack ?? error) };
  }
  port.postMessage(result, 'batch' in result ? [result.batch.pixels.buffer as ArrayBuffer] : []);
});
