import { check, ProtomemError, readOptions } from '@protomem/core';
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

/** Picks, starts and checks one of a platform's engines: what `loadEngine` does, see there. */
export async function startEngine(platform: Platform, options: LoadEngineOptions): Promise<EngineInfo> {
  const { prefer, threads, precision, cluster } = readOptions('loadEngine', loadEngineOptions, options);
  if (prefer !== 'auto') return start(platform, prefer, { threads, precision, cluster });

  // Engines that know no other process are none to fall back on.
  const automatic = platform.automatic.filter((engine) => !isCluster(cluster) || engine.startsWith('node'));
  const rejected: RejectedEngine[] = [];
  for (const engine of automatic) {
    try {
      const ofPrecision = engine.startsWith('node') ? precision : undefined;
      const started = await start(platform, engine, { threads, precision: ofPrecision, cluster, hardware: true });
      return { ...started, rejected };
    } catch (error) {
      if (engine === automatic.at(-1)) throw error;
      rejected.push({ engine, reason: (error as Error).message.replace(/^loadEngine: /, '') });
    }
  }
  throw new Error('unreachable: the last engine returns or throws');
}

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
