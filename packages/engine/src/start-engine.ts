import { check, ProtomemError, readOptions } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import { registerTrainingKernels } from './backends/register.ts';
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

/** The engines of Node, or of browsers. */
export interface Platform {
  readonly engines: Readonly<Partial<Record<EngineName, (options: StartOptions) => Promise<Started>>>>;
  /** What `'auto'` tries, in this order. */
  readonly automatic: readonly EngineName[];
  /** What to do about an engine that does not start. */
  readonly fix?: string;
}

/** On the backend, not in this module: a program may hold two copies of it. */
const INFO = Symbol.for('protomem.engine');

function remember(info: EngineInfo): EngineInfo {
  Object.assign(tf.backend(), { [INFO]: info });
  return info;
}

/** What the active backend was started as; undefined where it was not started here. */
export function infoInUse(): EngineInfo | undefined {
  // `tf.backend()` would start one.
  const { backendInstance } = tf.engine() as unknown as { readonly backendInstance: { [INFO]?: EngineInfo } | null };
  return backendInstance?.[INFO];
}

/** Picks, starts and checks one of a platform's engines: what `loadEngine` does, see there. */
export async function startEngine(platform: Platform, options: LoadEngineOptions): Promise<EngineInfo> {
  const { prefer, threads, precision, cluster } = readOptions('loadEngine', loadEngineOptions, options);
  if (prefer !== 'auto') return remember(await start(platform, prefer, { threads, precision, cluster }));

  // Engines that know no other process are none to fall back on.
  const automatic = platform.automatic.filter((engine) => !isCluster(cluster) || engine.startsWith('node'));
  const rejected: RejectedEngine[] = [];
  for (const engine of automatic) {
    try {
      const ofPrecision = engine.startsWith('node') ? precision : undefined;
      const started = await start(platform, engine, { threads, precision: ofPrecision, cluster, hardware: true });
      return remember({ ...started, rejected });
    } catch (error) {
      if (engine === automatic.at(-1) || contradicts(error, options)) throw error;
      rejected.push({ engine, reason: (error as Error).message.replace(/^loadEngine: /, '') });
    }
  }
  throw new Error('unreachable: the last engine returns or throws');
}

/** Whether an engine that is there refuses what the caller said: another one, far slower, is not what was meant. */
const contradicts = (error: unknown, options: LoadEngineOptions): boolean =>
  error instanceof ProtomemError && options[error.parts.what as keyof LoadEngineOptions] !== undefined;

const isCluster = (cluster: StartOptions['cluster']): boolean => (cluster?.addresses.length ?? 1) > 1;

async function start({ engines, fix }: Platform, engine: EngineName, options: StartOptions): Promise<EngineInfo> {
  const begin = engines[engine];
  check(begin !== undefined, () => ({
    where: 'loadEngine',
    what: 'prefer',
    got: engine,
    expected: `one of ${Object.keys(engines).join(', ')}, which there are here`,
  }));
  check(engine.startsWith('node') || !isCluster(options.cluster), () => ({
    where: 'loadEngine',
    what: 'cluster',
    got: `${options.cluster!.addresses.length} processes`,
    expected: `one: the engine "${engine}" knows no other process`,
    fix: 'Take the engine "node" or "node-gpu".',
  }));
  try {
    const started = await begin(options);
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
        fix,
      },
      { cause: error },
    );
  }
}
