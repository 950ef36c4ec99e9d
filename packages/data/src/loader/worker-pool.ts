import type { Worker } from 'node:worker_threads';
import { type ImageBatch, ProtomemError } from '@protomem/core';
import type { JobResult, Producer, ProducerSpec } from './producer-types.ts';
import { startWorker } from './start-worker.ts';

interface Waiting {
  resolve(batch: ImageBatch): void;
  reject(error: unknown): void;
}

/**
 * Threads that make batches, job i in thread i modulo their number. They keep the process alive only while a batch is
 * awaited, so that a loader that nobody closed does not hang a finished program.
 */
export function createWorkerPool(spec: ProducerSpec, size: number): Producer {
  const perWorker = { ...spec, cacheBytes: Math.floor(spec.cacheBytes / size) };
  const waiting = new Map<number, Waiting>();
  let workers: Worker[] = [];
  let jobs = 0;
  let broken: unknown;

  const unref = (): void => {
    for (const worker of workers) worker.unref();
  };
  const settle = (result: JobResult): void => {
    const job = waiting.get(result.id);
    // A late result must not unref a thread whose end `close` is waiting for.
    if (!job) return;
    waiting.delete(result.id);
    if (waiting.size === 0) unref();
    if ('batch' in result) job.resolve(result.batch);
    else job.reject(typeof result.error === 'string' ? new Error(result.error) : new ProtomemError(result.error));
  };
  const breakDown = (error: unknown): void => {
    broken ??= error;
    // Else they are unref'ed already, or `close` is waiting for their end.
    if (waiting.size > 0) unref();
    for (const { reject } of waiting.values()) reject(broken);
    waiting.clear();
  };
  const start = (): Worker => {
    const worker = startWorker(perWorker);
    worker.on('message', settle);
    worker.on('error', (cause) => breakDown(new Error(`loader: a worker thread failed: ${cause}`, { cause })));
    worker.on('exit', (code) => breakDown(new Error(`loader: a worker thread ended with code ${code}`)));
    return worker;
  };

  return {
    produce(plan, pass) {
      if (broken) return Promise.reject(broken);
      if (workers.length === 0) workers = Array.from({ length: size }, start);
      const id = jobs++;
      return new Promise((resolve, reject) => {
        if (waiting.size === 0) for (const worker of workers) worker.ref();
        waiting.set(id, { resolve, reject });
        workers[id % size]!.postMessage({ id, plan, pass });
      });
    },
    async close() {
      breakDown(new Error('loader: closed while a batch was on its way'));
      await Promise.all(workers.map((worker) => worker.terminate()));
      workers = [];
    },
  };
}
