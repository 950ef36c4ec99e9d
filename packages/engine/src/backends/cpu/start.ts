import * as tf from '@tensorflow/tfjs';
import type { Started, StartOptions } from '../../engine-info.ts';
import { processor } from '../../processor.ts';
import { activate, checkFloat32, checkOneThread } from '../start-checks.ts';

/** Starts tfjs's `cpu` backend: plain JavaScript. */
export async function startCpu(options: StartOptions): Promise<Started> {
  checkOneThread('cpu', options);
  checkFloat32('cpu', options);
  await activate('cpu');
  // The backend greets its first use with advice to install another; who asked for it has been told why.
  Object.assign(tf.backend(), { firstUse: false });
  return {
    backend: 'cpu',
    device: processor(),
    version: tf.version['tfjs-backend-cpu'],
    threads: 1,
    precision: 'float32',
  };
}
