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
  const { prefer, threads, precision } = readOptions('loadEngine', loadEngineOptions, options);
  if (prefer !== 'auto') return start(platform, prefer, { threads, precision });

  const { automatic } = platform;
  const rejected: RejectedEngine[] = [];
  for (const engine of automatic) {
    try {
      const ofPrecision = engine.startsWith('node') ? precision : undefined;
      return { ...(await start(platform, engine, { threads, precision: ofPrecision, hardware: true })), rejected };
    } catch (error) {
      if (engine === automatic.at(-1)) throw error;
      rejected.push({ engine, reason: (error as Error).message.replace(/^loadEngine: /, '') });
    }
  }
  throw new Error('unreachable: the last engine returns or throws');
}

async function start({ engines, fix }: Platform, engine: EngineName, options: StartOptions): Promise<EngineInfo> {
  const begin = engines[engine];
  check(begin !== undefined, () => ({
    where: 'loadEngine',
    what: 'prefer',
    got: engine,
    expected: `one of ${Object.keys(engines).join(', ')}, which there are here`,
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
