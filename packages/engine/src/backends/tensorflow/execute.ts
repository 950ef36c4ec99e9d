import type * as tf from '@tensorflow/tfjs';

/** The part of tfjs-node's backend that kernels use. */
export interface TensorflowBackend extends tf.KernelBackend {
  readonly isUsingGpuDevice: boolean;
  readonly binding: {
    readonly TF_Version: string;
    /** TensorFlow's enumeration constants are numbers. */
    readonly [constant: string]: number | string;
  };
  executeMultipleOutputs(op: string, attributes: object[], inputs: readonly tf.Tensor[], outputs: number): tf.Tensor[];
}

/** Attributes of a TensorFlow op: type and value. The value of a `TYPE` is a name, `FLOAT` or `INT32`. */
export type Attributes = Readonly<Record<string, readonly ['TYPE' | 'FLOAT' | 'INT' | 'STRING' | 'BOOL', unknown]>>;

/**
 * Executes a TensorFlow op on float32 tensors by its name. The caller owns the outputs.
 *
 * @typeParam O what the op gives, which nothing checks: as many tensors as `outputs`
 */
export function execute<O extends tf.Tensor[] = [tf.Tensor]>(
  backend: tf.KernelBackend,
  op: string,
  inputs: readonly tf.Tensor[],
  attributes: Attributes = {},
  outputs = 1,
): O {
  return executeUntyped(backend, op, inputs, { T: ['TYPE', 'FLOAT'], ...attributes }, outputs);
}

/** The same for an op without an attribute `T`, which takes float32 and nothing else. */
export function executeUntyped<O extends tf.Tensor[]>(
  backend: tf.KernelBackend,
  op: string,
  inputs: readonly tf.Tensor[],
  attributes: Attributes,
  outputs: number,
): O {
  const { binding } = backend as TensorflowBackend;
  const list = Object.entries(attributes).map(([name, [type, value]]) => ({
    name,
    type: binding[`TF_ATTR_${type}`],
    value: type === 'TYPE' ? binding[`TF_${value}`] : value,
  }));
  return (backend as TensorflowBackend).executeMultipleOutputs(op, list, inputs, outputs) as O;
}
