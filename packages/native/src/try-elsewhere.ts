import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EngineInfo, EngineName } from '@protomem/engine';
import { diagnoseGpu } from './gpu-diagnosis.ts';
import { lastLine, runCommand } from './run-command.ts';

/** What came of loading an engine. */
export type Trial = EngineInfo | { readonly reason: string };

/** Sources run as they are, with the loader of this process; a build has it beside its other files. */
const script = fileURLToPath(new URL(`./try-engine${extname(fileURLToPath(import.meta.url))}`, import.meta.url));

/** Loads an engine in another process: libraries that crash, or that cannot be in one process with others, are safe there. */
export async function tryElsewhere(engine: EngineName): Promise<Trial> {
  const gpu = engine === 'node-gpu';
  // What a GPU lacks, TensorFlow tells its log only.
  const env = gpu ? { ...process.env, TF_CPP_MIN_LOG_LEVEL: '0' } : process.env;
  const { stdout, stderr, signal } = await runCommand(process.execPath, [...process.execArgv, script, engine], { env });
  const why = gpu ? diagnoseGpu(stderr) : undefined;
  try {
    const found = JSON.parse(lastLine(stdout)) as Trial;
    return 'reason' in found && why ? { reason: `${found.reason} ${why}.` } : found;
  } catch {
    return { reason: why ?? (signal ? `its process was ended by ${signal}` : lastLine(stderr)) };
  }
}
