import * as tf from '@tensorflow/tfjs';

/** Told of the gradient of a variable as soon as it is whole; it stays the caller's of {@link variableGradients}. */
export type OnGradient = (variable: tf.Variable, gradient: tf.Tensor) => void;

/** What tfjs notes of an operation while it records: see `tape.ts` of tfjs-core. Its inputs are those whose gradient is wanted. */
type TapeNode = ReturnType<typeof tf.engine>['state']['activeTape'][number];

/**
 * `tf.variableGrads` in less memory: the same numbers, but what was saved for an operation's gradient, and the gradient
 * of its result, are freed as soon as the backward pass has gone past it. tfjs itself keeps all of them to the end, which
 * about doubles the peak of a training step.
 *
 * @param f called once; returns a scalar.
 * @param variables to differentiate by.
 * @param onGradient called in the backward pass, for variables that one operation alone has used: of others the gradient is
 *   whole only at the end. Default: nobody is told.
 * @returns as `tf.variableGrads`; all tensors are the caller's. Within a gradient that is being recorded already, nothing
 *   is freed early.
 * @throws what `f` throws, or tfjs; then no tensor of theirs is left.
 *
 * @example
 * ```ts
 * const x = tf.variable(tf.tensor1d([1, 2]));
 * const { value, grads } = variableGradients(() => tf.sum(tf.square(x)), [x]);
 * grads[x.name]; // [2, 4]
 * ```
 */
export function variableGradients(
  f: () => tf.Scalar,
  variables: tf.Variable[],
  onGradient?: OnGradient,
): { value: tf.Scalar; grads: tf.NamedTensorMap } {
  return tidyTape(() =>
    tf.variableGrads(() => {
      const value = f();
      freeTapeEarly(onGradient && tellOf(value, variables, onGradient));
      return value;
    }, variables),
  );
}

/** @internal What `record` returns; where it throws, nothing that was saved for its gradient is left, as tfjs leaves it. */
export function tidyTape<T extends tf.TensorContainer>(record: () => T): T {
  try {
    return tf.tidy(record);
  } catch (error) {
    const { activeTape, gradientDepth } = tf.engine().state;
    // Within another gradient the tape is that one's.
    if (gradientDepth === 0) for (const { saved } of activeTape ?? []) tf.dispose(saved);
    throw error;
  }
}

/**
 * @internal Has what the tape has noted so far freed as the backward pass goes past it; not within a gradient that is being
 * recorded already.
 */
export function freeTapeEarly(onGradient?: (of: tf.Tensor, gradient: tf.Tensor) => void): void {
  const { activeTape, gradientDepth } = tf.engine().state;
  if (gradientDepth === 1) for (const node of activeTape ?? []) freeEarly(node, onGradient);
}

/** Passes on the gradients of variables that stand once in what leads to `value`: the tape has copies besides, kept for gradients. */
function tellOf(value: tf.Tensor, variables: readonly tf.Variable[], onGradient: OnGradient) {
  const leading = new Set([value.id]);
  const uses = new Map<number, number>();
  for (const { inputs, outputs } of [...(tf.engine().state.activeTape ?? [])].reverse()) {
    if (!outputs.some(({ id }) => leading.has(id))) continue;
    for (const { id } of Object.values(inputs)) {
      leading.add(id);
      uses.set(id, (uses.get(id) ?? 0) + 1);
    }
  }
  const once = new Map(variables.filter(({ id }) => uses.get(id) === 1).map((variable) => [variable.id, variable]));
  return ({ id }: tf.Tensor, gradient: tf.Tensor): void => {
    const variable = once.get(id);
    if (variable) onGradient(variable, gradient);
  };
}

/** Has a node of the tape free what it alone needs, once the last of its gradients is there. */
function freeEarly(node: TapeNode, onGradient?: (of: tf.Tensor, gradient: tf.Tensor) => void): void {
  const { gradient, saved = [] } = node;
  if (!gradient) return;
  // The tape is pruned before the backward pass: `inputs` are those of the copy that is asked.
  node.gradient = function (this: TapeNode, dys) {
    const gradients = gradient.call(this, dys);
    const taken = new Set<tf.Tensor>([...dys.filter((dy) => dy !== null), ...saved]);
    let left = Object.keys(this.inputs).length;
    return Object.fromEntries(
      Object.entries(gradients).map(([name, compute]) => [
        name,
        () => {
          const found = compute();
          // What is handed on must be a tensor of its own: the next node frees it.
          const own = taken.has(found) ? tf.clone(found) : found;
          taken.add(own);
          if (--left === 0) tf.dispose([...dys, ...saved]);
          onGradient?.(this.inputs[name]!, own);
          return own;
        },
      ]),
    );
  };
}
