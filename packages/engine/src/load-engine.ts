import { startCpu } from './backends/cpu/start.ts';
import { startTensorflow } from './backends/tensorflow/start.ts';
import { startWasm } from './backends/wasm/start.ts';
import { startWebgpu } from './backends/webgpu/start.ts';
import { type EngineInfo, type LoadEngineOptions, loadEngineOptions } from './engine-info.ts';
import { infoInUse, type Platform, startEngine } from './start-engine.ts';

const node: Platform = {
  engines: {
    'node-gpu': (options) => startTensorflow('gpu', options),
    node: (options) => startTensorflow('cpu', options),
    webgpu: startWebgpu,
    wasm: startWasm,
    cpu: startCpu,
  },
  automatic: ['node-gpu', 'node', 'wasm', 'cpu'],
  fix: 'npx protomem-engine doctor (of @protomem/native) shows the whole picture.',
};

/**
 * Picks, loads and checks a tfjs backend, and makes it the active one.
 *
 * `'auto'` tries node-gpu, node, wasm and cpu in this order; `rejected` tells why the faster ones do not load. One that is there
 * and refuses what was asked for, such as other threads than it was loaded with, is an error. `'auto'` does not try webgpu, which
 * where there is no GPU may find a software adapter, far slower than wasm: ask for it by name. An engine asked for by name that
 * does not load is an error, never another engine. Each engine must reproduce a small known convolution, matrix product and
 * filter's gradient before it is returned. One process holds one build of TensorFlow, with the settings that it was loaded with;
 * it can hold `webgpu`, `wasm` and `cpu` beside it and change between them.
 *
 * A bundler for browsers takes another entry, whose engines are webgpu, webgl, wasm and cpu; `'auto'` tries webgl, but no
 * software adapter, wasm and cpu. No package is loaded there: import `@tensorflow/tfjs-backend-wasm` (whose `setWasmPaths` and
 * `setThreadsCount` hold) or `@tensorflow/tfjs-backend-webgpu` before.
 *
 * For TensorFlow some environment variables are set before it loads, unless the user has set them:
 * `TF_NUM_INTRAOP_THREADS`, `TF_ENABLE_ONEDNN_OPTS` (to 1 on x86) and `TF_CPP_MIN_LOG_LEVEL` (to 2: warnings and chatter off).
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
export function loadEngine(options: LoadEngineOptions = {}): Promise<EngineInfo> {
  return startEngine(node, options);
}

loadEngine.options = loadEngineOptions;

/**
 * The engine that `loadEngine` made the active one, as it is; where there is none, as of a backend that tfjs chose by itself, what
 * `loadEngine({})` loads. For functions that need some engine and leave the caller's choice alone.
 *
 * @example
 * ```ts
 * await loadEngine({ prefer: 'cpu' });
 * console.log((await engineInUse()).engine); // cpu
 * ```
 */
export async function engineInUse(): Promise<EngineInfo> {
  return infoInUse() ?? loadEngine();
}
