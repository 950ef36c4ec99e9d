import { check } from '@protomem/core';
import { checkEmbeddings, groupLabels } from '@protomem/heads';
import type * as tf from '@tensorflow/tfjs';
import { type BatchPrototypes, type Memory, makePrototypes } from './method.ts';

/**
 * Makes a batch's prototypes, and changes nothing.
 *
 * @param exemplars what prototypes are made from, `[B, D]`; the embeddings themselves when left out
 * @throws ProtomemError when shapes or labels do not fit, the batch has more classes than the memory has slots, or an
 *   embedding or a prototype is not finite
 */
export function prepareBatch(
  where: string,
  memory: Memory,
  embeddings: tf.Tensor2D,
  labels: ArrayLike<number>,
  exemplars = embeddings,
): BatchPrototypes {
  const { size, dimension } = memory.settings;
  checkEmbeddings(where, 'embeddings', embeddings, dimension);
  const images = embeddings.shape[0];
  if (exemplars !== embeddings) checkExemplars(where, memory, exemplars, images);
  const groups = groupLabels(where, labels, images);
  check(groups.ids.length <= size, () => ({
    where,
    what: 'number of identities in the batch',
    got: groups.ids.length,
    expected: `at most ${size}, the size of the memory`,
    fix: 'Make the memory larger or the batch smaller.',
  }));
  const batch = makePrototypes(memory, embeddings, groups, exemplars);
  // A prototype that is not a number would stay in the memory.
  const { lengths, refreshCosines, confidence, roundingError } = batch.numbers;
  lengths.forEach((length, i) => {
    check(Number.isFinite(length), () => ({
      where,
      what: `${i < images ? 'embedding' : 'exemplar'} ${i % images} of ${images} (identity ${labels[i % images]})`,
      got: `of length ${length}`,
      expected: 'finite',
      fix: 'Lower the learning rate, clip gradients, or look at this image.',
    }));
  });
  check([...refreshCosines, ...confidence, roundingError ?? 0].every(Number.isFinite), () => ({
    where,
    what: 'a prototype made from the batch',
    got: 'not finite',
    expected: 'finite numbers',
    fix: 'Look at the function given as generation.',
  }));
  return batch;
}

function checkExemplars(where: string, { settings }: Memory, exemplars: tf.Tensor2D, images: number): void {
  checkEmbeddings(where, 'exemplars', exemplars, settings.dimension);
  check(exemplars.shape[0] === images, () => ({
    where,
    what: 'number of exemplars',
    got: exemplars.shape[0],
    expected: `${images}, one for each embedding`,
  }));
  check(settings.gradient === 'stop', () => ({
    where,
    what: 'exemplars of their own with gradient',
    got: settings.gradient,
    expected: 'stop: they are constant',
  }));
}
