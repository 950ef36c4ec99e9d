import * as tf from '@tensorflow/tfjs';
import { enginesAtHand, type TestEngine, useEngine } from '../../testing.ts';
import { hasTrainingOps, useTrainingOps } from '../tensorflow/training-ops.ts';

/** The engines, and `node` as it is where the ops of our own could not be compiled. */
export type KernelEngine = TestEngine | 'node without own ops';

let known: Promise<KernelEngine[]> | undefined;

export const kernelEngines = (): Promise<KernelEngine[]> => {
  known ??= find();
  return known;
};

async function find(): Promise<KernelEngine[]> {
  const engines = await enginesAtHand();
  const backend = engines.includes('node') ? tf.findBackend('tensorflow') : undefined;
  if (backend && hasTrainingOps(backend)) return [...engines, 'node without own ops'];
  console.log('skipped: kernels that are ops of our own, which were not compiled here');
  return engines;
}

export async function useKernelEngine(name: KernelEngine): Promise<void> {
  if (name === 'node without own ops') {
    await useEngine('node');
    useTrainingOps(tf.backend(), false);
  } else {
    await useEngine(name);
    if (name === 'node' && (await kernelEngines()).includes('node without own ops')) useTrainingOps(tf.backend(), true);
  }
}
