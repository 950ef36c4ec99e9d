import { decodeChecked } from '../decode.ts';
import type { Host } from './host.ts';
import { createWorkerPool } from './worker-pool.ts';

/** Node: sharp, and worker threads. */
export const nodeHost: Host = { decode: decodeChecked, createPool: createWorkerPool };
