import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../load-engine.ts';
import { leaked } from '../testing.ts';
import { detachedGradients } from './detached-gradients.ts';
import { variableGradients } from './variable-gradients.ts';

beforeAll(async () => {
  await loadEngine({ prefer: 'cpu' });
});

/** A net in which tensors are used twice, gradients are handed on as they are. */
function net(): { readonly variables: tf.Variable[]; readonly loss: () => tf.Scalar } {
  const x = tf.tensor4d(
    Array.from({ length: 2 * 6 * 6 * 2 }, (_, i) => Math.sin(i)),
    [2, 6, 6, 2],
  );
  const filter = tf.variable(
    tf.tensor4d(
      Array.from({ length: 36 }, (_, i) => Math.cos(i)),
      [3, 3, 2, 2],
    ),
  );
  const bias = tf.variable(tf.tensor1d([0.1, -0.2]));
  const twice = tf.customGrad((a, b) => ({
    value: tf.add(a as tf.Tensor, b as tf.Tensor),
    gradFunc: (dy: tf.Tensor) => [dy, dy],
  }));
  const loss = (): tf.Scalar => {
    const y = tf.relu(tf.add(tf.conv2d(x, filter, 1, 'same'), bias));
    const [left, right] = tf.split(twice(y, tf.clone(y)), 2, 3);
    return tf.mean(tf.add(tf.square(tf.add(left!, y)), tf.mul(right!, tf.exp(tf.neg(y)))));
  };
  return { variables: [filter, bias], loss };
}

describe('variableGradients', () => {
  it('finds what tf.variableGrads finds, and leaves nothing behind', () => {
    const { variables, loss } = net();
    const expected = tf.variableGrads(loss, variables);
    const before = tf.memory().numTensors;
    const found = variableGradients(loss, variables);
    expect(found.value.dataSync()).toEqual(expected.value.dataSync());
    expect(Object.keys(found.grads)).toEqual(Object.keys(expected.grads));
    for (const [name, gradient] of Object.entries(expected.grads)) {
      expect(found.grads[name]!.dataSync()).toEqual(gradient.dataSync());
    }
    tf.dispose([found.value, found.grads]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('tells early of gradients that are whole, and of no other', () => {
    const { variables, loss } = net();
    const twice = tf.variable(tf.scalar(2));
    const told = new Map<string, Float32Array>();
    const { value, grads } = variableGradients(
      () => tf.mul(tf.mul(loss(), twice), twice),
      [...variables, twice],
      ({ name }, gradient) => void told.set(name, gradient.dataSync<'float32'>()),
    );
    expect([...told.keys()].sort()).toEqual(variables.map(({ name }) => name).sort());
    for (const [name, gradient] of told) expect(gradient).toEqual(grads[name]!.dataSync());
    tf.dispose([value, grads]);
  });

  it('holds fewer tensors on the way back', () => {
    const held = (differentiate: typeof variableGradients): number => {
      let atTheEnd = 0;
      // The first operation is the last one that the backward pass comes to.
      const first = tf.customGrad((a) => ({
        value: tf.clone(a as tf.Tensor),
        gradFunc: (dy: tf.Tensor) => {
          atTheEnd = tf.memory().numTensors;
          return [tf.clone(dy)];
        },
      }));
      const scale = tf.variable(tf.scalar(1));
      const before = tf.memory().numTensors;
      const { value, grads } = differentiate(() => {
        let y = first(scale);
        for (let i = 0; i < 50; i++) y = tf.sin(y);
        return y as tf.Scalar;
      }, [scale]);
      tf.dispose([value, grads]);
      expect(tf.memory().numTensors).toBe(before);
      return atTheEnd - before;
    };
    const [late, early] = [held((f, list) => tf.variableGrads(f, list)), held(variableGradients)];
    expect([late > 100, early < 10]).toEqual([true, true]);
  });

  /** Ends in the forward pass, after it, or in the backward pass. */
  const failing: readonly [string, (y: tf.Tensor) => tf.Tensor, string][] = [
    [
      'forwards',
      () => {
        throw new Error('no such label');
      },
      'no such label',
    ],
    ['where nothing leads to the variables', () => tf.sum(tf.square(tf.scalar(1))), 'Cannot find a connection'],
    [
      'backwards',
      tf.customGrad((y) => ({
        value: tf.sum(y as tf.Tensor),
        gradFunc: (): tf.Tensor => {
          throw new Error('no gradient');
        },
      })),
      'no gradient',
    ],
  ];

  it.each(failing)('leaves nothing behind where it fails %s', (_, last, message) => {
    const { variables, loss } = net();
    const fails = (): tf.Scalar => last(tf.square(loss())) as tf.Scalar;
    expect(leaked(() => expect(() => variableGradients(fails, variables)).toThrow(message))).toBe(0);
    const { value, grads } = variableGradients(loss, variables);
    // One that is caught within another gradient leaves that one's tape alone.
    const caught = variableGradients(() => {
      const y = loss();
      expect(() => variableGradients(fails, variables)).toThrow(message);
      return y;
    }, variables);
    for (const [name, gradient] of Object.entries(grads))
      expect(caught.grads[name]!.dataSync()).toEqual(gradient.dataSync());
    tf.dispose([value, grads, caught.value, caught.grads]);
    // With no gradient at all a detached one is zeros.
    if (message.startsWith('Cannot find')) return;
    const detached = () => detachedGradients(fails, variables);
    expect(leaked(() => expect(detached).toThrow(message))).toBe(0);
    const outer = () => variableGradients(() => tf.add(loss(), detached().value) as tf.Scalar, variables);
    expect(leaked(() => expect(outer).toThrow(message))).toBe(0);
  });

  it('works inside of another gradient', () => {
    const x = tf.variable(tf.scalar(3));
    const inner = (): tf.Scalar => {
      const { grads } = variableGradients(() => tf.mul(x, tf.mul(x, x)) as tf.Scalar, [x]);
      return grads[x.name] as tf.Scalar;
    };
    const { grads } = tf.variableGrads(inner, [x]);
    expect(grads[x.name]!.dataSync()[0]).toBeCloseTo(18, 5);
  });
});
