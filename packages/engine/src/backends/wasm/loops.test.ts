import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { enginesAtHand, useEngine } from '../../testing.ts';
import type { Heap } from './backend.ts';
import { loopsOf } from './loops.ts';

describe.runIf((await enginesAtHand()).includes('wasm'))('compiled loops', () => {
  beforeAll(() => useEngine('wasm'));

  it('reach the heap of the backend, once for each', () => {
    expect(loopsOf(tf.backend())).toBe(loopsOf(tf.backend()));
  });

  it('say where the heap is out of reach', () => {
    const hidden = { wasm: { HEAPU8: new Uint8Array(8) } } as unknown as tf.KernelBackend;
    expect(() => loopsOf(hidden)).toThrow(/heap .*out of reach.*Install @tensorflow\/tfjs-backend-wasm@4\.22/s);
  });

  it('reach a heap that no thread shares', () => {
    const { WebAssembly } = globalThis as unknown as { WebAssembly: { Memory: new (size: object) => Heap } };
    const memory = new WebAssembly.Memory({ initial: 1 });
    const heap = new Float32Array(memory.buffer);
    heap.set([1, -2, 3, -4], 0);
    heap.set([10, 20, 30, 40], 4);
    heap.set([0.5, 0.25], 8);
    const backend = { wasm: { HEAPU8: new Uint8Array(memory.buffer), asm: { memory } } };
    loopsOf(backend as unknown as tf.KernelBackend).run('preluGradient', [[0, 16, 32, 64, 96, 2, 0, 2]]);
    expect([...heap.subarray(16, 20)]).toEqual([10, 5, 30, 10]);
    expect([...heap.subarray(24, 26)]).toEqual([0, -200]);
  });
});
