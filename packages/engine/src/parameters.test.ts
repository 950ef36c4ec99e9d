import type { Parameter } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';
import { afterAll, expect, it } from 'vitest';
import { parametersState, restoreParameters } from './parameters.ts';
import { leaked } from './testing.ts';

const parameter = (name: string, values: number[]): Parameter => ({
  name,
  variable: tf.tidy(() => tf.variable(tf.tensor1d(values))),
  trainable: true,
  decay: true,
});
const parameters = [parameter('a', [1, 2]), parameter('b', [3])];
const valuesOf = (): number[] => parameters.flatMap(({ variable }) => [...variable.dataSync()]);
afterAll(() => tf.dispose(parameters.map(({ variable }) => variable)));

it('takes all values at the moment of the call and puts them back, without sharing or leaking', async () => {
  const before = tf.memory().numTensors;
  const pending = parametersState(parameters);
  tf.tidy(() => parameters[1]!.variable.assign(tf.tensor1d([9])));
  const state = await pending;
  expect(tf.memory().numTensors).toBe(before);
  expect(state.tensors.b).toEqual({ dtype: 'F32', shape: [1], data: Float32Array.of(3) });
  expect(leaked(() => restoreParameters('x', parameters, state))).toBe(0);
  state.tensors.a!.data[0] = 99;
  expect(valuesOf()).toEqual([1, 2, 3]);
});

it('refuses two parameters of one name, of which one would be lost', async () => {
  const twice = [parameters[0]!, { ...parameters[1]!, name: 'a' }];
  await expect(parametersState(twice)).rejects.toThrow('parametersState: name of two parameters is "a"');
  const state = await parametersState(parameters);
  expect(() => restoreParameters('x.ckpt', twice, state)).toThrow('x.ckpt: name of two parameters is "a"');
});

it('refuses a missing, misshapen or unknown tensor by name, and changes nothing', async () => {
  const { values, tensors } = await parametersState([parameters[0]!]);
  const b = { dtype: 'F32', shape: [1], data: Float32Array.of(7) } as const;
  const wide = { dtype: 'F32', shape: [2], data: new Float32Array(2) } as const;
  const restore = (more: object) => () =>
    restoreParameters('x.ckpt', parameters, { values, tensors: { ...tensors, a: wide, ...more } });
  expect(restore({})).toThrow(/^x\.ckpt: tensor "b" is "missing", expected F32 \[1\]/);
  expect(restore({ b: wide })).toThrow(/tensor "b" is "F32 \[2\]", expected F32 \[1\]/);
  expect(restore({ b, c: b })).toThrow(/tensor "c" is "of no parameter"/);
  expect(valuesOf()).toEqual([1, 2, 3]);
});
