import { check, type ImageBatch, ProtomemError, type State } from '@protomem/core';

const NAMED_IMAGES = 4;

/** Throws when a step's loss or gradient norm is not a finite number, and says which images it saw. */
export function checkFiniteStep(found: {
  readonly step: number;
  readonly loss: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
  readonly batch: ImageBatch;
}): void {
  const { step, loss, gradientNorm, learningRate, batch } = found;
  if (Number.isFinite(loss) && Number.isFinite(gradientNorm)) return;
  const images = batch.names.slice(0, NAMED_IMAGES).map((name, i) => `${name} (identity ${batch.labels[i]})`);
  const more = batch.names.length > NAMED_IMAGES ? `, ... ${batch.names.length} in all` : '';
  throw new ProtomemError({
    where: `step ${step}`,
    what: Number.isFinite(loss) ? 'the gradient norm' : 'the loss',
    got: Number.isFinite(loss) ? gradientNorm : loss,
    expected: 'a finite number',
    fix:
      `Learning rate ${learningRate}; images ${images.join(', ')}${more}. The step was not taken; ` +
      'resume from the last checkpoint, with a lower rate, a longer warm-up or clipNorm.',
  });
}

/** Throws when a weight is not finite: the run could not go on from such a checkpoint, and it would displace a good one. */
export function checkFiniteWeights(step: number, weights: State): void {
  for (const [name, { data }] of Object.entries(weights.tensors)) {
    for (let i = 0; i < data.length; i++) {
      check(Number.isFinite(data[i]), () => ({
        where: `checkpoint of step ${step}`,
        what: `element ${i} of "${name}"`,
        got: data[i],
        expected: 'a finite number',
        fix: 'It is not written; resume from the last one, with a lower rate, a longer warm-up or clipNorm.',
      }));
    }
  }
}
