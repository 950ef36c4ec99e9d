import os, { availableParallelism } from 'node:os';
import { join } from 'node:path';
import workerThreads from 'node:worker_threads';
import { ProtomemError } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { elsewhere as runElsewhere } from '../fixtures/elsewhere.ts';
import { findBinding, ownBinding } from './backends/tensorflow/installs.ts';
import { checkEngine } from './check-engine.ts';
import { engineInUse, loadEngine } from './load-engine.ts';
import { findPackage } from './packages.ts';
import { type Platform, startEngine } from './start-engine.ts';
import { enginesAtHand } from './testing.ts';

const tfjsNode = findPackage('@tensorflow/tfjs-node')!;
const native = findBinding(tfjsNode) !== undefined;
if (!native) console.log('skipping the tests of the engine "node": run protomem-engine install first');

/** With settings of its own. */
const elsewhere = (body: string, env: NodeJS.ProcessEnv = {}) =>
  runElsewhere(body, { TF_NUM_INTRAOP_THREADS: '', TF_CPP_MIN_LOG_LEVEL: undefined, ...env });

describe.each(await enginesAtHand())('%s', (engine) => {
  it('loads, computes and says what it is', async () => {
    const info = await loadEngine({ prefer: engine });
    expect(info).toMatchObject({ engine, precision: 'float32', rejected: [] });
    expect(info.backend).toBe(tf.getBackend());
    expect(info.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(info.device).not.toBe('');
    expect(info.threads).toBe(['cpu', 'webgpu'].includes(engine) ? 1 : availableParallelism());
    const tensors = tf.memory().numTensors;
    await checkEngine(engine);
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it('has a check that can fail', async () => {
    const { backendName } = tf.engine();
    const kernel = tf.getKernel('Conv2D', backendName);
    tf.unregisterKernel('Conv2D', backendName);
    const wrong: tf.KernelFunc = (params) => {
      const { x, filter } = params.inputs;
      return kernel.kernelFunc({ ...params, inputs: { x: tf.zeros(x!.shape), filter: filter! } });
    };
    tf.registerKernel({ ...kernel, kernelFunc: wrong });
    try {
      await expect(checkEngine(engine)).rejects.toThrow(`a convolution on ${engine} is [`);
    } finally {
      tf.unregisterKernel('Conv2D', backendName);
      tf.registerKernel(kernel);
    }
  });
});

it('puts back what the wasm threads needed', async () => {
  const events = ['uncaughtException', 'unhandledRejection'];
  const before = [os.cpus, workerThreads.Worker, ...events.map((event) => process.listenerCount(event))];
  await loadEngine({ prefer: 'wasm' });
  expect([os.cpus, workerThreads.Worker, ...events.map((event) => process.listenerCount(event))]).toEqual(before);
});

it('runs wasm with the threads asked for, and lets the process end', async () => {
  const { result, stderr } = await elsewhere(`return loadEngine({ prefer: 'wasm', threads: 3 })`);
  expect(result).toMatchObject({ engine: 'wasm', threads: 3 });
  expect(stderr).toBe('');
});

it.each([
  [{ prefer: 'nod' }, /prefer is "nod".*Did you mean "node"\?/],
  [{ prefer: 'node-gpu' }, /NVIDIA GPU is "missing".*nvidia-smi|tfjs-node-gpu is "not installed".*npm install/],
  [{ threads: 0 }, /threads is 0/],
  [{ thread: 2 }, /Did you mean "threads"\?/],
  [{ precision: 'float16' }, /precision is "float16"/],
  [{ prefer: 'wasm', precision: 'bfloat16' }, /the only one of the engine "wasm"/],
  [{ prefer: 'webgpu', precision: 'bfloat16' }, /the only one of the engine "webgpu"/],
  [{ prefer: 'webgpu', threads: 0 }, /threads is 0/],
  [{ prefer: 'cpu', threads: 8 }, /threads is 8, expected 1: the engine "cpu" has no more/],
  [{ prefer: 'wasm', threads: 7 }, /threads is 7.*already loaded/],
])('refuses %j', async (options, message) => {
  await loadEngine({ prefer: 'wasm' });
  await expect(loadEngine(options as object)).rejects.toThrow(message);
});

it.skipIf(ownBinding(tfjsNode))(
  'rejects node when its library is missing, and fails when it is asked for',
  async () => {
    const env = { PROTOMEM_CACHE: join(import.meta.dirname, 'nowhere') };
    // An engine that is not there is passed over whatever the processor could do for it.
    const { result } = await elsewhere(`return loadEngine({ precision: 'bfloat16' })`, env);
    expect(result).toMatchObject({ engine: 'wasm', backend: 'wasm', precision: 'float32' });
    expect(result.rejected).toEqual([
      { engine: 'node-gpu', reason: expect.stringMatching(/NVIDIA GPU|tfjs-node-gpu/) },
      { engine: 'node', reason: expect.stringContaining('protomem-engine install') },
    ]);
    const { stderr } = await elsewhere(`return loadEngine({ prefer: 'node' })`, env);
    expect(stderr).toMatch(/the native library of @tensorflow\/tfjs-node is "missing".*protomem-engine install/);
  },
);

it('tells the engine in use, and loads one only where tfjs alone has chosen', async () => {
  for (const prefer of ['wasm', 'cpu'] as const) {
    const info = await loadEngine({ prefer });
    expect(await engineInUse()).toEqual(info);
  }
  await tf.setBackend('wasm');
  expect(await engineInUse()).toMatchObject({ engine: 'wasm', backend: 'wasm' });
  const module = JSON.stringify(new URL('./load-engine.ts', import.meta.url).pathname);
  const { result } = await elsewhere(`
    const { engineInUse } = await import(${module});
    const chosen = [tf.backend() && tf.getBackend()];
    const { backend } = await engineInUse();
    return [...chosen, backend, tf.getBackend()];`);
  expect(result).toEqual(['cpu', ...new Array(2).fill(native ? 'tensorflow' : 'wasm')]);
});

it('passes over engines that do not load, under auto, and none that refuses what the caller said', async () => {
  await loadEngine({ prefer: 'cpu' });
  const info = { backend: 'cpu', device: '', version: '', threads: 1, precision: 'float32' } as const;
  const platform = (what: string): Platform => ({
    automatic: ['node', 'cpu'],
    engines: {
      node: ({ precision }) =>
        Promise.reject(new ProtomemError({ where: 'loadEngine', what, got: precision, expected: 'another' })),
      cpu: () => Promise.resolve(info),
    },
  });
  const said = { precision: 'bfloat16' } as const;
  await expect(startEngine(platform('precision'), said)).rejects.toThrow('precision is "bfloat16", expected another');
  const rejected = [{ engine: 'node', reason: 'the native library is "bfloat16", expected another.' }];
  expect(await startEngine(platform('the native library'), said)).toEqual({ engine: 'cpu', ...info, rejected });
  expect((await startEngine(platform('threads'), said)).engine).toBe('cpu');
});

describe.skipIf(!native)('node in a process of its own', () => {
  const tasks = `(await import('node:fs')).readdirSync('/proc/self/task').length`;

  it('is quiet, and settings hold for the process', async () => {
    const { result, stderr } = await elsewhere(`
      const info = await loadEngine({ prefer: 'node', threads: 1, precision: 'float32' });
      const refuse = (prefer) => loadEngine({ prefer, threads: 2 }).catch((error) => error.message);
      const refused = [await refuse('node'), await refuse('auto')];
      return { info, refused, again: await loadEngine({ threads: 1 }) };`);
    expect(result.info).toMatchObject({ engine: 'node', threads: 1, precision: 'float32' });
    for (const refused of result.refused)
      expect(refused).toMatch(/threads is 2, expected 1, with which TensorFlow is already loaded/);
    expect(result.again).toMatchObject({ engine: 'node', threads: 1 });
    expect(stderr).toBe('');
  });

  it.skipIf(process.platform !== 'linux')('starts as many threads as it says', async () => {
    const counts = [1, 2, 4].map(async (threads) => {
      const code = `const { threads } = await loadEngine({ prefer: 'node', threads: ${threads} }); return [threads, ${tasks}];`;
      return (await elsewhere(code)).result as [number, number];
    });
    const [one, two, four] = await Promise.all(counts);
    expect([one![0], two![0], four![0]]).toEqual([1, 2, 4]);
    expect(two![1] - one![1]).toBe(1);
    expect(four![1] - one![1]).toBe(3);
  });

  it('listens to the environment', async () => {
    const env = { TF_NUM_INTRAOP_THREADS: '1', TF_CPP_MIN_LOG_LEVEL: '0' };
    const { result, stderr } = await elsewhere(`return loadEngine({ prefer: 'node' })`, env);
    expect(result.threads).toBe(1);
    expect(stderr).not.toBe('');
  });
});
