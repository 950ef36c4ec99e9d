import * as tf from '@tensorflow/tfjs';
import type { TrainingKernels } from '../../kernels/training-kernels.ts';
import { loopsOf, READ, shares } from './loops.ts';

/** In one pass. */
export const preluGrad: TrainingKernels['preluGrad'] = ({ dy, x, alpha }, _, backend) => {
  const loops = loopsOf(backend);
  const { at } = loops;
  const channels = alpha.size;
  return tf.tidy(() => {
    const dx = loops.uninitialized<typeof x>(x.shape);
    const rows = shares(loops, x.size / channels, { cost: READ * channels, perThread: 1 });
    const dAlphas = tf.zeros<tf.Rank.R2>([rows.length, channels]);
    const [first, second, third, to, sums] = [x, dy, alpha, dx, dAlphas].map(at) as [
      number,
      number,
      number,
      number,
      number,
    ];
    loops.run(
      'preluGradient',
      rows.map((range, i) => [first, second, third, to, sums + 4 * i * channels, channels, ...range]),
    );
    return [dx, rows.length === 1 ? tf.reshape(dAlphas, [channels]) : tf.sum<tf.Tensor1D>(dAlphas, 0)];
  });
};
