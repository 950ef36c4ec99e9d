import type * as tf from '@tensorflow/tfjs';
import { type Attribute, BFLOAT16, type Handle } from './bfloat16.ts';

/** The part of tfjs-node's backend that kernels use. */
export interface TensorflowBackend extends tf.KernelBackend {
  readonly isUsingGpuDevice: boolean;
  readonly binding: {
    readonly TF_Version: string;
    /** TensorFlow's enumeration constants are numbers. */
    readonly [constant: string]: number | string;
  };
  executeMultipleOutputs(op: string, attributes: object[], inputs: readonly tf.Tensor[], outputs: number): tf.Tensor[];
  getInputTensorIds(inputs: readonly tf.Tensor[]): number[];
  createOutputTensor(handle: Handle): tf.Tensor;
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
  const { executeMultipleOutputs } = backend as TensorflowBackend;
  return executeMultipleOutputs.call(backend, op, attributeList(backend, attributes), inputs, outputs) as O;
}

/** Attributes as the binding takes them. */
export function attributeList(backend: tf.KernelBackend, attributes: Attributes): Attribute[] {
  const { binding } = backend as TensorflowBackend;
  return Object.entries(attributes).map(([name, [type, value]]) => ({
    name,
    type: Number(binding[`TF_ATTR_${type}`]),
    value: type === 'TYPE' ? (value === 'BFLOAT16' ? BFLOAT16 : binding[`TF_${value}`]) : value,
  }));
}
