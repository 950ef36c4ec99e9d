import { check } from '@protomem/core';

/** Throws unless every target is a column of the logits. */
export function checkTargets(targets: Int32Array | Float32Array, columns: number): void {
  const wrong = targets.find((target) => target < 0 || target >= columns);
  check(wrong === undefined, () => ({
    where: 'sparseSoftmaxCrossEntropy',
    what: 'targets',
    got: wrong,
    expected: `columns in [0, ${columns})`,
  }));
}
