import { joinStates } from '@protomem/core';
import type { Head } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';
import { expect, it } from 'vitest';
import { mixed } from './mixed.ts';

/** Its loss is a number of an embedding times its weight; its state is what it was asked last. */
function headOf(name: string, at: number, more: Partial<Head> = {}) {
  const variable = tf.variable(tf.scalar(at + 2));
  const asked: string[] = [];
  const head: Head = {
    name,
    parameters: [{ name: `${name}.weight`, variable, trainable: true, decay: false }],
    loss: (embeddings) => tf.mul(variable, tf.reshape<tf.Rank.R1>(tf.slice(embeddings, [0, at], [-1, 1]), [-1])),
    metrics: () => ({ [name]: 1 }),
    state: () => ({ values: { name }, tensors: { kept: { dtype: 'F32', shape: [1], data: Float32Array.of(at) } } }),
    restore: ({ values, tensors }) => void asked.push(`restore ${values.name} ${tensors.kept!.data[0]}`),
    dispose() {
      asked.push('dispose');
      variable.dispose();
    },
    ...more,
  };
  return { head, asked, variable };
}

it('mixes the losses of two heads, and trains both', () => {
  const [one, two] = [headOf('one', 0), headOf('two', 1)];
  const head = mixed({ head: one.head, beside: two.head, share: 0.25 });
  const tensors = tf.memory().numTensors;
  const x = tf.tensor2d([1, 10, 2, 20], [2, 2]);
  const losses = head.loss(x, [0, 1]);
  // The first number times 2, the second times 3.
  expect([...losses.dataSync()]).toEqual([0.75 * 2 + 0.25 * 30, 0.75 * 4 + 0.25 * 60]);
  const gradient = tf.grad((e) => tf.sum(head.loss(e as tf.Tensor2D, [0, 1])))(x);
  expect([...gradient.dataSync()]).toEqual([1.5, 0.75, 1.5, 0.75]);
  const { value, grads } = tf.variableGrads(() => tf.sum(head.loss(x, [0, 1])));
  const slopes = [one, two].map(({ variable }) => grads[variable.name]!.dataSync()[0]);
  expect(slopes).toEqual([0.75 * 3, 0.25 * 30]);
  expect(head.parameters.map(({ name }) => name)).toEqual(['one.weight', 'two.weight']);
  tf.dispose([x, losses, gradient, value, ...Object.values(grads)]);
  expect(tf.memory().numTensors).toBe(tensors);
  head.dispose();
  expect([one.asked, two.asked]).toEqual([['dispose'], ['dispose']]);
  expect(() => head.loss(x, [0, 1])).toThrow('disposed');
});

it('is the first head in all else, with the state of both', async () => {
  const steps: string[] = [];
  const one = headOf('one', 0, { lastEvicted: () => [4], afterStep: () => void steps.push('one') });
  const two = headOf('two', 1, { afterStep: () => void steps.push('two'), lastLookAlikes: () => [] });
  const head = mixed({ head: one.head, beside: two.head });
  expect(head.name).toBe('one');
  expect(head.metrics()).toEqual({ one: 1 });
  expect(head.lastEvicted!()).toEqual([4]);
  expect(head.lastLookAlikes).toBeUndefined();
  expect(head.commonState).toBeUndefined();
  head.afterStep!({ encoder: undefined as never, learningRate: 1 });
  expect(steps).toEqual(['one', 'two']);
  const state = await head.state();
  expect(state.values).toEqual({ head: { name: 'one' }, beside: { name: 'two' } });
  expect(Object.keys(state.tensors)).toEqual(['head/kept', 'beside/kept']);
  await head.restore(state);
  expect([one.asked, two.asked]).toEqual([['restore one 0'], ['restore two 1']]);
  const own = await one.head.state();
  await expect(async () => head.restore(own)).rejects.toThrow('the part "beside" of the state');
  expect(one.asked).toHaveLength(1);
  // As earlier releases saved it.
  const beside = joinStates({ beside: await two.head.state() });
  await head.restore({
    values: { ...own.values, ...beside.values },
    tensors: { ...own.tensors, ...beside.tensors },
  });
  expect([one.asked, two.asked]).toEqual([Array(2).fill('restore one 0'), Array(2).fill('restore two 1')]);
  head.dispose();
  expect(() => mixed({ head: one.head, beside: two.head, share: 2 })).toThrow('share is 2');
});

it('keeps apart what is mixed twice', async () => {
  const all = ['one', 'two', 'three'].map((name, i) => headOf(name, i));
  const [one, two, three] = all.map(({ head }) => head) as [Head, Head, Head];
  const head = mixed({ head: mixed({ head: one, beside: two }), beside: three });
  await head.restore(await head.state());
  expect(all.map(({ asked }) => asked)).toEqual([['restore one 0'], ['restore two 1'], ['restore three 2']]);
  head.dispose();
});

it.each([['head'], ['beside']])('has in common among processes what both have, divided in %s', async (which) => {
  const common = { commonState: () => ({ values: { common: 1 }, tensors: {} }) };
  const [head, beside] = ['head', 'beside'].map((name, i) => headOf(name, i, name === which ? common : {}).head);
  const both = mixed({ head: head!, beside: beside! });
  const values = { head: { name: 'head' }, beside: { name: 'beside' }, [which]: { common: 1 } };
  expect((await both.commonState!()).values).toEqual(values);
  both.dispose();
});

it('refuses two parameters of one name, of which one would move by the gradient of the other', () => {
  const [one, two] = [headOf('same', 0), headOf('same', 1)];
  expect(() => mixed({ head: one.head, beside: two.head })).toThrow(
    'mixed: a parameter of both heads is "same.weight", expected other names in each',
  );
});
