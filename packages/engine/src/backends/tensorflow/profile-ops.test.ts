import * as tf from '@tensorflow/tfjs';
import { afterAll, describe, expect, it } from 'vitest';
import { loadEngine } from '../../load-engine.ts';
import { multipliesBfloat16 } from '../../processor.ts';
import { enginesAtHand, useEngine } from '../../testing.ts';
import { profileOps } from './profile-ops.ts';

const engines = await enginesAtHand();

describe.skipIf(!engines.includes('node'))('profileOps', () => {
  afterAll(() => useEngine('node'));

  const convolve = (): void =>
    tf.tidy(() => void tf.relu(tf.conv2d(tf.ones([1, 8, 8, 2]) as tf.Tensor4D, tf.ones([3, 3, 2, 4]), 1, 'same')));

  it('counts and times what runs, and nothing afterwards', async () => {
    await useEngine('node');
    const ops = await profileOps(() => {
      convolve();
      convolve();
    });
    expect(ops.find(({ op }) => op === 'Conv2D')).toMatchObject({ calls: 2 });
    expect(ops.find(({ op }) => op === 'Relu')).toMatchObject({ calls: 2 });
    expect(ops.every(({ milliseconds }) => milliseconds > 0)).toBe(true);
    expect(ops.map(({ milliseconds }) => milliseconds)).toEqual(
      ops.map(({ milliseconds }) => milliseconds).toSorted((a, b) => b - a),
    );
    convolve();
    expect(ops.find(({ op }) => op === 'Conv2D')).toMatchObject({ calls: 2 });
  });

  it.skipIf(multipliesBfloat16() !== true)('tells bfloat16 apart', async () => {
    await loadEngine({ prefer: 'node', precision: 'bfloat16' });
    const ops = await profileOps(convolve);
    expect(ops.map(({ op }) => op)).toContain('Conv2D:bfloat16');
  });

  it('ends when the function throws, and refuses other engines', async () => {
    await useEngine('node');
    const { binding } = tf.backend() as unknown as { binding: object };
    const failing = async (): Promise<void> => {
      throw new Error('mine');
    };
    await expect(profileOps(failing)).rejects.toThrow('mine');
    expect((tf.backend() as unknown as { binding: object }).binding).toBe(binding);
    await useEngine('cpu');
    await expect(profileOps(convolve)).rejects.toThrow('expected the engine node');
  });
});
