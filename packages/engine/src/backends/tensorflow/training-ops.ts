import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import { require } from '../../packages.ts';
import { setRegister, useTrainingOps } from './has-training-ops.ts';
import { instructionSet, trainingOpsFile } from './instruction-sets.ts';

/**
 * Gives TensorFlow the ops of `cpp/training_ops.cc` of `@protomem/native`, where an install left them for this processor; they are for the
 * CPU alone. Without them the kernels are put together of TensorFlow's own ops, and take longer.
 *
 * @param folder of the binding that is loaded
 */
export function loadTrainingOps(backend: tf.KernelBackend, folder: string): void {
  const set = instructionSet();
  const file = set && join(folder, trainingOpsFile(set));
  if (!file || !existsSync(file)) return;
  require(file);
  useTrainingOps(backend, true);
  setRegister(backend, set === 'x86-64-v4' ? 16 : 8);
}
