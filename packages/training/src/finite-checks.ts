import { check, type ImageBatch, ProtomemError, type State } from '@protomem/core';

const NAMED_IMAGES = 4;

/** A step that was not taken. */
interface Refused {
  readonly step: number;
  readonly learningRate: number;
  readonly batch: ImageBatch;
}

/** What to do after a number that is not finite, and which images were there. */
function remedy({ learningRate, batch }: Refused): string {
  const images = batch.names.slice(0, NAMED_IMAGES).map((name, i) => `${name} (identity ${batch.labels[i]})`);
  const more = batch.names.length > NAMED_IMAGES ? `, ... ${batch.names.length} in all` : '';
  return (
    `Learning rate ${learningRate}; images ${images.join(', ')}${more}. The step was not taken; ` +
    'resume from the last checkpoint, with a lower rate, a longer warm-up or clipNorm.'
  );
}

/** Throws when a step's loss or gradient norm is not a finite number, and says which images it saw. */
export function checkFiniteStep(found: Refused & { readonly loss: number; readonly gradientNorm: number }): void {
  const { step, loss, gradientNorm } = found;
  check(Number.isFinite(loss) && Number.isFinite(gradientNorm), () => ({
    where: `step ${step}`,
    what: Number.isFinite(loss) ? 'the gradient norm' : 'the loss',
    got: Number.isFinite(loss) ? gradientNorm : loss,
    expected: 'a finite number',
    fix: remedy(found),
  }));
}

/** Says the same of a head that refused what is not finite, before there was a loss; any other error is returned as it is. */
export function explainNotFinite(error: unknown, step: Refused): unknown {
  if (!(error instanceof ProtomemError) || !/NaN|Infinity|not finite/.test(String(error.parts.got))) return error;
  const { where, fix, ...rest } = error.parts;
  return new ProtomemError(
    { ...rest, where: `step ${step.step}: ${where}`, fix: [fix, remedy(step)].filter(Boolean).join(' ') },
    { cause: error },
  );
}

/** Throws when the norm of all weights is beyond its limit: they grow without bound, and would soon be no numbers. */
export function checkWeightNorm(where: string, norm: number, limit: number): void {
  // Which weight is no number is for the checks of values to say.
  check(Number.isNaN(norm) || norm <= limit, () => ({
    where,
    what: 'the norm of all trainable weights',
    got: norm,
    expected: `at most ${limit} (maxWeightNorm)`,
    fix:
      'They grow without bound. Nothing is written over the last checkpoint; go on from it with a lower rate, a longer ' +
      'warm-up, weight decay or clipNorm.',
  }));
}

/** Says what to lower when an allocation failed; any other error is returned as it is. */
export function explainOutOfMemory(error: unknown, step: number, images: number): unknown {
  const text = error instanceof Error ? error.message : String(error);
  if (
    error instanceof ProtomemError ||
    !/\bOOM\b|out of memory|allocation failed|bad_alloc|Invalid typed array length/i.test(text)
  ) {
    return error;
  }
  return new ProtomemError(
    {
      where: `step ${step}`,
      what: `memory for a batch of ${images} images`,
      got: `not to be had (${text.split('\n')[0]})`,
      expected: 'enough',
      fix: 'Lower encoderBatch or the batch, the size of the head, or the input size. The last checkpoint stays.',
    },
    { cause: error },
  );
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
