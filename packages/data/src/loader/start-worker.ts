import { Worker } from 'node:worker_threads';
import type { ProducerSpec } from './producer-types.ts';

/** Starts the thread of a pool: the built file, or the source when this module itself runs from sources. */
export function startWorker(spec: ProducerSpec): Worker {
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL('./loader-worker.js', import.meta.url), { workerData: spec });
  // Node 20 cannot run TypeScript, and ignores `--import tsx` in a thread's arguments; so the thread registers it itself.
  const entry = new URL('./worker.ts', import.meta.url).href;
  const code = `import { register } from ${JSON.stringify(import.meta.resolve('tsx/esm/api'))};
register();
await import(${JSON.stringify(entry)});`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  return new Worker(url, { workerData: spec, execArgv: ['--conditions=@protomem/source'] });
}
