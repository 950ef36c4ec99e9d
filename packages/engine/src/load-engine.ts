import { ProtomemError, readOptions } from '@protomem/core';
import { startCpu } from './backends/cpu/start.ts';
import { registerTrainingKernels } from './backends/register.ts';
import { startTensorflow } from './backends/tensorflow/start.ts';
import { startWasm } from './backends/wasm/start.ts';
import { startWebgpu } from './backends/webgpu/start.ts';
import { checkEngine } from './check-engine.ts';
import {
  type EngineInfo,
  type EngineName,
  type LoadEngineOptions,
  loadEngineOptions,
  type RejectedEngine,
  type Started,
  type StartOptions,
} from './engine-info.ts';

const engines: Record<EngineName, (options: StartOptions) => Promise<Started>> = {
  'node-gpu': (options) => startTensorflow('gpu', options),
  node: (options) => startTensorflow('cpu', options),
  webgpu: startWebgpu,
  wasm: startWasm,
  cpu: startCpu,
};

const automatic: readonly EngineName[] = ['node-gpu', 'node', 'wasm', 'cpu'];

/**
 * Picks, loads and checks a tfjs backend, and makes it the active one.
 *
 * `'auto'` tries node-gpu, node, wasm and cpu in this order; `rejected` tells why the faster ones were not taken. It does
 * not try webgpu, which where there is no GPU may find a software adapter, far slower than wasm: ask for it by name. An
 * engine asked for by name that does not load is an error, never another engine. Each engine must reproduce a small
 * known convolution, matrix product and filter's gradient before it is returned. One process holds one build of TensorFlow, with the
 * settings that it was loaded with; it can hold `webgpu`, `wasm` and `cpu` beside it and change between them.
 *
 * For TensorFlow some environment variables are set before it loads, unless the user has set them:
 * `TF_NUM_INTRAOP_THREADS` and `TF_CPP_MIN_LOG_LEVEL` (to 2: warnings and chatter off).
 *
 * @param options.prefer engine name or `'auto'`; default `'auto'`
 * @param options.threads threads of one operation, at least 1; default all that this process may use
 * @param options.precision of convolutions: `'float32'` (default) or, for `node` and `node-gpu`, `'bfloat16'`; may change
 *   from call to call. Under `'auto'` the engines that have no other than float32 ignore it, and {@link EngineInfo}
 *   tells what is in force
 * @throws ProtomemError when the engine asked for does not load, with the reason and what to do
 *
 * @example
 * ```ts
 * const engine = await loadEngine({ prefer: 'auto', threads: 2 });
 * console.log(`${engine.engine} ${engine.version} on ${engine.device}, ${engine.threads} threads`);
 * ```
 */
export async function loadEngine(options: LoadEngineOptions = {}): Promise<EngineInfo> {
  const { prefer, threads, precision } = readOptions('loadEngine', loadEngineOptions, options);
  if (prefer !== 'auto') return start(prefer, { threads, precision });

  const rejected: RejectedEngine[] = [];
  for (const engine of automatic) {
    try {
      const float32Only = engine === 'wasm' || engine === 'cpu';
      return { ...(await start(engine, { threads, precision: float32Only ? undefined : precision })), rejected };
    } catch (error) {
      if (engine === automatic.at(-1)) throw error;
      rejected.push({ engine, reason: (error as Error).message.replace(/^loadEngine: /, '') });
    }
  }
  throw new Error('unreachable: the last engine returns or throws');
}

loadEngine.options = loadEngineOptions;

async function start(engine: EngineName, options: StartOptions): Promise<EngineInfo> {
  try {
    const started = await engines[engine](options);
    registerTrainingKernels(started.backend);
    await checkEngine(engine);
    return { engine, ...started, rejected: [] };
  } catch (error) {
    if (error instanceof ProtomemError) throw error;
    throw new ProtomemError(
      {
        where: 'loadEngine',
        what: `the engine ${engine}`,
        got: `failing: ${(error as Error)?.message ?? error}`,
        expected: 'an engine that starts',
        fix: 'npx protomem-engine doctor (of @protomem/native) shows the whole picture.',
      },
      { cause: error },
    );
  }
}
