import { startCpu, startWasm, startWebgl, startWebgpu } from './backends/browser.ts';
import { type EngineInfo, type LoadEngineOptions, loadEngineOptions } from './engine-info.ts';
import { infoInUse, type Platform, startEngine } from './start-engine.ts';

const browser: Platform = {
  engines: { webgpu: startWebgpu, webgl: startWebgl, wasm: startWasm, cpu: startCpu },
  automatic: ['webgl', 'wasm', 'cpu'],
};

/** `loadEngine` of `load-engine.ts`, for browsers. */
export function loadEngine(options: LoadEngineOptions = {}): Promise<EngineInfo> {
  return startEngine(browser, options);
}

loadEngine.options = loadEngineOptions;

/** `engineInUse` of `load-engine.ts`, for browsers. */
export async function engineInUse(): Promise<EngineInfo> {
  return infoInUse() ?? loadEngine();
}
