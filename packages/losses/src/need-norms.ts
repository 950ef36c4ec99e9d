import { ProtomemError } from '@protomem/core';
import type { LossContext } from '@protomem/core/contracts';
import type * as tf from '@tensorflow/tfjs';

/** The lengths of the embeddings, which every head tells its loss. */
export function needNorms(where: string, context: LossContext | undefined): tf.Tensor1D {
  if (context) return context.norms;
  throw new ProtomemError({
    where,
    what: 'context',
    got: 'missing',
    expected: '{ norms }: the lengths of the embeddings before they were scaled to 1, [B]',
    fix: 'Call the loss through a head, or pass them as its third argument.',
  });
}
