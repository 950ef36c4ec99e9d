import { check, ProtomemError, show } from '@protomem/core';
import type { CosineLoss, LossContext, SoftmaxLoss, TargetTerms } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';

/**
 * Calls a loss, and refuses what is not one loss a sample, by the loss's name. Of a function without a form, which is
 * most likely its user's own, the values are looked at too.
 *
 * @param cosines `[B, M]`
 * @param targets `[B]`, int32
 * @param centers columns of each class that there are
 * @returns `[B]`, float32; what the loss returned
 * @throws ProtomemError when that is no such tensor, or not finite though the cosines are
 */
export function evaluateLoss(
  loss: CosineLoss,
  cosines: tf.Tensor2D,
  targets: tf.Tensor1D,
  context: LossContext,
  centers = 1,
): tf.Tensor1D {
  const where = nameOf(loss);
  const { centers: pooled = 'form' in loss ? 1 : centers } = loss;
  check(pooled === centers, () => ({
    where,
    what: 'columns of a class that it pools',
    got: pooled,
    expected: `${centers}, as many as the head has of each`,
    fix: 'subCenter goes with fullSoftmax, both with the same number of centers.',
  }));
  const result = onePerSample(where, 'what it returned', loss(cosines, targets, context), cosines.shape[0]);
  if (!('form' in loss)) checkValues(where, result, cosines);
  return result;
}

/**
 * What the form of a loss makes of the cosines to each sample's own class, `[B]`; refuses terms that are not one number a
 * sample, by the loss's name.
 */
export function targetTerms(loss: SoftmaxLoss, cosines: tf.Tensor1D, context: LossContext): TargetTerms {
  const terms = loss.form.target(cosines, context);
  onePerSample(nameOf(loss), "the logit of its form's target", terms?.logit, cosines.size);
  for (const value of terms.values ?? []) {
    onePerSample(nameOf(loss), "one of the values of its form's target", value, cosines.size);
  }
  return terms;
}

/** The losses that a form makes of terms and of the log of summed exponentials, `[B]`; refuses them as {@link evaluateLoss} does. */
export function combineTerms(loss: SoftmaxLoss, terms: TargetTerms, negatives: tf.Tensor1D): tf.Tensor1D {
  const { combine } = loss.form;
  if (!combine) return tf.softplus(tf.sub(negatives, terms.logit));
  return onePerSample(nameOf(loss), 'what `combine` of its form returned', combine(terms, negatives), negatives.size);
}

const nameOf = (loss: CosineLoss): string => `the loss ${loss.name || '(without a name)'}`;

/** Refuses what is not one number a sample. */
function onePerSample(where: string, what: string, result: unknown, batch: number): tf.Tensor1D {
  const refuse = (got: string, fix?: string): never => {
    const expected = `a tensor of shape [${batch}], float32: one number for each sample`;
    throw new ProtomemError({ where, what, got, expected, fix });
  };
  if (result === undefined || result === null) return refuse('nothing', 'Does its function end in a return?');
  if (typeof (result as { then?: unknown }).then === 'function') {
    return refuse('a promise', 'A loss cannot be async: it has to be differentiated.');
  }
  if (!(result instanceof tf.Tensor)) return refuse(`${typeof result} ${show(result)}`, 'Keep to tf operations.');
  if (result.isDisposed) return refuse('a tensor that is disposed', 'Who returns a tensor leaves it to the caller.');
  if (result.rank !== 1 || result.size !== batch || result.dtype !== 'float32') {
    return refuse(
      `a tensor of shape [${result.shape.join(', ')}], ${result.dtype}`,
      'Sum or average over columns, not over samples.',
    );
  }
  return result as tf.Tensor1D;
}

function checkValues(where: string, losses: tf.Tensor1D, cosines: tf.Tensor2D): void {
  const values = losses.dataSync();
  const bad = values.findIndex((value) => !Number.isFinite(value));
  // An encoder that has come to that is not the loss's fault; the trainer says so.
  if (bad < 0 || !cosines.dataSync().every(Number.isFinite)) return;
  check(false, () => ({
    where,
    what: `what it returned for sample ${bad} of ${values.length}`,
    got: values[bad],
    expected: 'a finite number: its cosines are',
    fix: 'Clip cosines before acos and roots, and what goes into log away from 0.',
  }));
}
