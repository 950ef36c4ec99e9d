import { check, type ErrorParts, integer, isObject, ProtomemError, parseJson } from '@protomem/core';
import { type Cluster, timeoutBounds } from './cluster.ts';
import { meet } from './meet.ts';
import { watchLauncher } from './watch-launcher.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What a process is told of the others, before they have met. */
export interface Place {
  readonly rank: number;
  readonly size: number;
  /** `host:port` at which rank 0 tells all of the others' addresses; not needed where all are known. */
  readonly master?: string;
  readonly addresses?: readonly string[];
}

const where = 'the environment';

/**
 * Which process of a cluster this is, by the variables that `protomem launch`, torchrun, srun or TF_CONFIG set; undefined for one
 * process alone. Read are, the first that are there: `TF_CONFIG`; `RANK`, `WORLD_SIZE`, `MASTER_ADDR` and `MASTER_PORT`; and of a
 * Slurm step `SLURM_PROCID`, `SLURM_STEP_NUM_TASKS`, `SLURM_STEP_NODELIST` and `SLURM_JOB_ID`.
 *
 * @throws ProtomemError that names the variable that is missing or wrong
 */
export function placeIn(env: Environment): Place | undefined {
  const place = env.TF_CONFIG ? ofTfConfig(env.TF_CONFIG) : env.WORLD_SIZE ? ofRanks(env) : ofSlurm(env);
  return place && place.size > 1 ? place : undefined;
}

function ofTfConfig(text: string): Place {
  const wrong = (parts: Omit<ErrorParts, 'where'>) => new ProtomemError({ where: 'TF_CONFIG', ...parts });
  const config = parseJson(text, { where: 'TF_CONFIG', what: 'its text' });
  const { cluster, task } = isObject(config) ? config : {};
  const lists = isObject(cluster) ? (cluster as Record<string, unknown>) : {};
  const of = (kind: string): string[] => (Array.isArray(lists[kind]) ? (lists[kind] as unknown[]).map(String) : []);
  const addresses = [...of('chief'), ...of('worker')];
  const { type, index } = (isObject(task) ? task : {}) as { type?: unknown; index?: unknown };
  if (type !== 'worker' && type !== 'chief') {
    throw wrong({
      what: 'task.type',
      got: type ?? 'missing',
      expected: '"worker" or "chief": all processes train alike',
    });
  }
  const own = integer('TF_CONFIG', 'task.index', index as number, 0, of(type).length - 1);
  return { rank: own + (type === 'worker' ? of('chief').length : 0), size: addresses.length, addresses };
}

function ofRanks(env: Environment): Place {
  const size = numberIn(env, 'WORLD_SIZE', 1);
  const rank = numberIn(env, 'RANK', 0, size - 1);
  if (size === 1) return { rank, size };
  return { rank, size, master: `${needed(env, 'MASTER_ADDR')}:${numberIn(env, 'MASTER_PORT', 1, 65_535)}` };
}

/** Of a step, as srun starts it: the script of a job has some of these variables too, and is alone. */
function ofSlurm(env: Environment): Place | undefined {
  if (env.SLURM_STEP_ID === undefined || env.SLURM_PROCID === undefined) return undefined;
  const size = numberIn(env, env.SLURM_STEP_NUM_TASKS ? 'SLURM_STEP_NUM_TASKS' : 'SLURM_NTASKS', 1);
  const rank = numberIn(env, 'SLURM_PROCID', 0, size - 1);
  if (size === 1) return { rank, size };
  const host = env.MASTER_ADDR ?? firstHost(env.SLURM_STEP_NODELIST ?? needed(env, 'SLURM_NODELIST'));
  // All of a step come to the same one, and steps of other jobs to others.
  const port = env.MASTER_PORT ?? 20_000 + (numberIn(env, 'SLURM_JOB_ID', 0) % 20_000);
  return { rank, size, master: `${host}:${port}` };
}

/** Of a list as Slurm writes it: `node[03-07,9],other` begins with node03. */
export const firstHost = (list: string): string =>
  /^(?:[^[,]|\[[^\]]*\])*/.exec(list.trim())![0].replace(/\[(\d*)[^\]]*\]/g, '$1');

function needed(env: Environment, name: string): string {
  const value = env[name];
  check(value !== undefined && value !== '', () => ({
    where,
    what: name,
    got: 'missing',
    expected: 'set, for this process to find the others',
    fix: 'protomem launch sets it; so do torchrun and srun.',
  }));
  return value;
}

function numberIn(env: Environment, name: string, least: number, most = Number.MAX_SAFE_INTEGER): number {
  const text = needed(env, name);
  return integer(where, name, /^\d+$/.test(text) ? Number(text) : (text as unknown as number), least, most);
}

/**
 * The cluster that the environment says this process is part of, for `loadEngine`: see the README for the variables. Where only
 * rank 0's address is known (`MASTER_ADDR`, `MASTER_PORT`), the processes meet there once, and tell each other at which port of
 * which interface each will listen: of the loopback where that address is one of it. A process that `protomem launch` started gets
 * SIGTERM when its launcher is gone.
 *
 * @returns undefined for one process alone
 * @throws ProtomemError when a variable is missing or wrong, or a process does not come within the time
 *
 * @example
 * ```ts
 * const engine = await loadEngine({ prefer: 'auto', cluster: await clusterFromEnvironment() });
 * ```
 */
export async function clusterFromEnvironment(env: Environment = process.env): Promise<Cluster | undefined> {
  const place = placeIn(env);
  watchLauncher(env);
  if (!place) return undefined;
  const timeoutSeconds = env.PROTOMEM_TIMEOUT ? numberIn(env, 'PROTOMEM_TIMEOUT', 1, timeoutBounds.max) : 300;
  const addresses = place.addresses ?? (await meet({ ...place, master: place.master!, timeoutSeconds }));
  return { rank: place.rank, addresses, timeoutSeconds, ...(env.PROTOMEM_LISTEN && { listen: env.PROTOMEM_LISTEN }) };
}
