import { part } from '@protomem/core';
import type { Head } from '@protomem/core/contracts';
import {
  headOptions,
  type Mask,
  maskedLoss,
  nextOfIdentity,
  readBatch,
  restoreLossState,
  withLossState,
} from '@protomem/heads';
import { cosFace } from '@protomem/losses';
import * as tf from '@tensorflow/tfjs';

const pairs = part(
  'pairs',
  headOptions,
  ({ dimension, loss }): Head => ({
    name: 'pairs',
    parameters: [],
    loss: (embeddings, labels) =>
      tf.tidy(() => {
        const { unit, norms, groups } = readBatch('pairs.loss', embeddings, labels, dimension);
        const targets = nextOfIdentity(groups);
        const excluded: Mask = { rows: [], columns: [] };
        for (const images of groups.images) {
          for (const row of images) {
            for (const column of images) {
              if (column === targets[row]) continue;
              excluded.rows.push(row);
              excluded.columns.push(column);
            }
          }
        }
        const cosines: tf.Tensor2D = tf.matMul(unit, unit, false, true);
        return maskedLoss(loss, cosines, targets, excluded, { norms });
      }),
    metrics: () => ({}),
    state: () => withLossState({ values: {}, tensors: {} }, loss),
    restore: (state) => restoreLossState('pairs.restore', state, loss),
    dispose: () => undefined,
  }),
);

const head = pairs({ dimension: 128, loss: cosFace() });
head.loss(tf.randomNormal([4, 128]), [7, 7, 9, 9]).print(); // [B], differentiable in embeddings

export {};
