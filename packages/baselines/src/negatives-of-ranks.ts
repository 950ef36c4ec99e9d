import type { SoftmaxForm, TargetTerms } from '@protomem/core/contracts';
import { type Collective, detachedGradients } from '@protomem/engine';
import { type Mask, maskAt, negativeLogits, sumsOfRanks } from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';

/** What {@link negativesOfRanks} works on. */
interface Negatives {
  /** `[B, D]` */
  readonly unit: tf.Tensor2D;
  /** Of this rank, `[S, D]`, at unit length; constant. */
  readonly columns: tf.Tensor2D;
  /** The samples' own classes among them, which are no negatives. */
  readonly own: Mask;
  readonly negative: SoftmaxForm['negative'];
  readonly terms: TargetTerms;
  readonly ranks: Collective;
  /** Gets the gradient to this rank's columns, `[S, D]`, in the backward pass. */
  readonly onColumns: (gradient: tf.Tensor2D) => void;
}

/**
 * `log(sum over j of exp(negative(unit * column_j)))` over the columns of all ranks but each sample's own class.
 *
 * @returns `[B]`, the same on all ranks, differentiable in `unit` and `terms`, whose gradients are of all columns too
 */
export function negativesOfRanks(negatives: Negatives): tf.Tensor1D {
  const { unit, columns, own, negative, terms, ranks, onColumns } = negatives;
  const op = tf.customGrad((...args) => {
    const save = args.pop() as tf.GradSaveFunc;
    const [e, ...rest] = args as [tf.Tensor2D, ...tf.Tensor1D[]];
    const logitsOf = ([cosines, logit, ...values]: readonly tf.Tensor[]): tf.Tensor2D => {
      const found = { logit: logit as tf.Tensor1D, values: values as tf.Tensor1D[] };
      return maskAt(negativeLogits(negative, cosines as tf.Tensor2D, found), own);
    };
    const inputs = [tf.matMul(e, columns, false, true), ...rest];
    const top: tf.Tensor2D = tf.max(logitsOf(inputs), 1, true);
    const sumOf = (xs: readonly tf.Tensor[]): tf.Tensor => tf.sum(tf.exp(tf.sub(logitsOf(xs), top)), 1, true);
    const { value, gradients } = detachedGradients(sumOf, inputs);
    const [toCosines, ...toTerms] = gradients as [tf.Tensor2D, ...tf.Tensor[]];
    const here = { top, sum: value as tf.Tensor2D, gradients: [tf.matMul(toCosines, columns), ...toTerms] };
    const all = sumsOfRanks(here, ranks);
    // What this rank's columns get of the whole softmax.
    const shares = tf.mul(toCosines, tf.div(tf.exp(tf.sub(top, all.top)), all.sum));
    const toInputs = all.gradients.map((x) => tf.div(x, x.rank === 2 ? all.sum : tf.squeeze(all.sum, [1])));
    save([e, shares, ...toInputs]);
    return {
      value: tf.squeeze(tf.add(all.top, tf.log(all.sum)), [1]),
      gradFunc: (dy: tf.Tensor, [savedUnit, savedShares, ...saved]: tf.Tensor[]) => {
        const column = tf.expandDims(dy, 1);
        onColumns(tf.matMul(tf.mul<tf.Tensor2D>(savedShares!, column), savedUnit as tf.Tensor2D, true));
        return saved.map((gradient) => tf.mul(gradient, gradient.rank === 2 ? column : dy));
      },
    };
  });
  return op(unit, terms.logit, ...(terms.values ?? [])) as tf.Tensor1D;
}
