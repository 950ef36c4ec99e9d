import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  check,
  integer,
  type OptionsOf,
  option,
  ProtomemError,
  printableLines,
  readOptions,
  type Settings,
} from '@protomem/core';
import { freePort, splitAddress } from '@protomem/core/node';
import { timeoutBounds } from '@protomem/engine';

const launchOptions = {
  nprocPerNode: option.integer({ help: 'Processes on this machine.', min: 1, max: 1024, default: 1 }),
  nnodes: option.integer({ help: 'Machines; the same command runs on each.', min: 1, default: 1 }),
  nodeRank: option.integer({ help: 'Which of the machines this is, from 0 on.', min: 0, default: 0 }),
  master: option.text({
    help: '`host:port` of machine 0, a free port, at which the processes meet.',
    absent: 'the loopback and any port, for one machine',
  }),
  maxRestarts: option.integer({
    help: 'How often all processes are started again, from the newest checkpoint, when one has ended badly.',
    ...{ min: 0, default: 0 },
  }),
  timeout: option.integer({
    help: 'Seconds that a process waits for the others in one call before it gives up.',
    ...{ min: 1, max: timeoutBounds.max, default: 300 },
  }),
  logs: option.text({ help: 'Folder for what ranks other than 0 print, `rank-1.log` and so on.', default: 'ranks' }),
};

/** How many processes, where. */
export type LaunchOptions = OptionsOf<typeof launchOptions>;

/** What is started in each process. */
export interface Launched {
  /** Program and arguments. */
  readonly command: readonly [string, ...string[]];
  readonly env?: NodeJS.ProcessEnv;
  /** Passed on to all processes, which end in order. */
  readonly signal?: AbortSignal;
  readonly say?: (line: string) => void;
}

const LOOPBACK = '127.0.0.1';

/** Seconds from the end of one process to that of all: they may end by themselves in the first half. */
const PATIENCE = 6;

/** The same, twice, for processes that a signal ends in order. */
const ORDERLY = 120;

/** Of a process that ended badly, what it said last. */
const LAST_LINES = 8;

/**
 * Starts processes that train together and watches over them. Each gets the variables that torchrun sets (`RANK`, `LOCAL_RANK`,
 * `WORLD_SIZE`, `LOCAL_WORLD_SIZE`, `MASTER_ADDR`, `MASTER_PORT`), its part of this machine's threads, and one of its GPUs
 * where there are several. What rank 0 prints is seen here, what others print goes to files. When one ends badly all are ended,
 * within ten seconds, and started again if `maxRestarts` allows it, with `PROTOMEM_RESTART` set to the number of the attempt.
 * `PROTOMEM_LAUNCHER_FD` is the descriptor of a socket that closes when this process is gone, however it went.
 *
 * @returns the exit code: 0 when all have ended well, else that of the one which ended badly first
 */
export async function launchRanks(options: LaunchOptions, launched: Launched): Promise<number> {
  const settings = readOptions('launch', launchOptions, options);
  const { nnodes, nodeRank, master, maxRestarts } = settings;
  integer('launch', 'nodeRank', nodeRank, 0, nnodes - 1);
  check(nnodes === 1 || master !== undefined, () => ({
    where: 'launch',
    what: 'master',
    got: 'missing',
    expected: `host:port of machine 0, at which processes of ${nnodes} machines meet`,
  }));
  check(master === undefined || /^.+:\d{1,5}$/.test(master), () => ({
    where: 'launch',
    what: 'master',
    got: master,
    expected: 'host:port',
  }));
  const say = launched.say ?? (() => undefined);
  for (let attempt = 0; ; attempt++) {
    const code = await runOnce(settings, launched, attempt);
    if (code === 0 || attempt === maxRestarts || launched.signal?.aborted) return code;
    say(`launch: starting all ranks again, ${attempt + 1} of ${maxRestarts}`);
  }
}
launchRanks.options = launchOptions;

interface Ended {
  readonly rank: number;
  readonly code: number;
  readonly reason: string;
}

async function runOnce(
  { nprocPerNode, nnodes, nodeRank, master, timeout, logs }: Settings<typeof launchOptions>,
  { command, env = process.env, signal, say = () => undefined }: Launched,
  attempt: number,
): Promise<number> {
  const { host, port } = master ? splitAddress(master) : { host: LOOPBACK, port: await freePort(LOOPBACK) };
  const size = nprocPerNode * nnodes;
  const children = new Map<number, ChildProcess>();
  // Rank 0 prints here.
  if (nodeRank > 0 || nprocPerNode > 1) await mkdir(logs, { recursive: true });
  const logOf = (rank: number): string => join(logs, `rank-${rank}.log`);
  const ends: Promise<Ended>[] = [];
  const killAll = (how: NodeJS.Signals): void => {
    for (const child of children.values()) if (child.exitCode === null && child.signalCode === null) child.kill(how);
  };
  const passOn = (): void => killAll('SIGTERM');
  try {
    for (let local = 0; local < nprocPerNode; local++) {
      const rank = nodeRank * nprocPerNode + local;
      // Files, not pipes: what a rank says when this process is gone is kept.
      const log = rank === 0 ? undefined : openSync(logOf(rank), attempt === 0 ? 'w' : 'a');
      const output = log ?? 'inherit';
      const child = spawn(command[0], command.slice(1), {
        // Nothing is ever sent through the last: it closes with this process, which ranks watch.
        stdio: [log === undefined ? 'inherit' : 'ignore', output, output, 'pipe'],
        env: {
          ...env,
          ...ofMachine(env, local, nprocPerNode),
          ...{ RANK: String(rank), LOCAL_RANK: String(local) },
          ...{ WORLD_SIZE: String(size), LOCAL_WORLD_SIZE: String(nprocPerNode) },
          ...{ MASTER_ADDR: host, MASTER_PORT: String(port) },
          ...{ PROTOMEM_TIMEOUT: String(timeout), PROTOMEM_RESTART: String(attempt) },
          PROTOMEM_LAUNCHER_FD: '3',
        },
      });
      if (log !== undefined) closeSync(log);
      children.set(rank, child);
      ends.push(endOf(child, rank));
    }
    if (size > 1) say(`launch: ${size} ranks, ${nprocPerNode} here; what ranks other than 0 print is in ${logs}`);

    signal?.addEventListener('abort', passOn);
    // It may have come while there was nobody to pass it on to.
    if (signal?.aborted) passOn();
    const all = Promise.all(ends);
    const bad = await Promise.race([all.then(() => undefined), firstBad(ends)]);
    if (!bad) return 0;
    if (!signal?.aborted) {
      say(`launch: rank ${bad.rank} ended: ${bad.reason}; the others are ended`);
      if (bad.rank > 0) for (const line of lastLines(logOf(bad.rank))) say(`  rank ${bad.rank}: ${line}`);
    }
    // Most find out by themselves that one is gone, and say so; who was asked to stop may have a checkpoint to write.
    const over = all.then(() => true);
    for (const how of ['SIGTERM', 'SIGKILL'] as const) {
      const patience = signal?.aborted ? ORDERLY : PATIENCE / 2;
      if (await Promise.race([over, sleep(patience * 1000, false, { ref: false })])) break;
      killAll(how);
    }
    await all;
    return bad.code;
  } finally {
    signal?.removeEventListener('abort', passOn);
    killAll('SIGKILL');
    await Promise.allSettled(ends);
  }
}

async function endOf(child: ChildProcess, rank: number): Promise<Ended> {
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const [code, signal] = await closed.catch((cause: Error) => {
    const got = `not starting: ${cause.message}`;
    throw new ProtomemError({ where: 'launch', what: `rank ${rank}`, got, expected: 'a process' }, { cause });
  });
  return signal
    ? { rank, code: 1, reason: `killed by ${signal}` }
    : { rank, code: code ?? 1, reason: `exit code ${code}` };
}

/** The first that ends badly; never, where none does. */
function firstBad(ends: readonly Promise<Ended>[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    for (const end of ends) end.then((ended) => ended.code !== 0 && resolve(ended), reject);
  });
}

/** Threads and GPU of one of several processes on a machine; what the user has set stays. */
function ofMachine(env: NodeJS.ProcessEnv, local: number, count: number): NodeJS.ProcessEnv {
  if (count === 1) return {};
  const threads = Math.max(1, Math.floor(availableParallelism() / count));
  const gpus = env.CUDA_VISIBLE_DEVICES?.split(',');
  return {
    TF_NUM_INTRAOP_THREADS: env.TF_NUM_INTRAOP_THREADS ?? String(threads),
    // Of those that are shown, each has its own.
    CUDA_VISIBLE_DEVICES: gpus && gpus.length > 1 ? (gpus[local] ?? '') : (env.CUDA_VISIBLE_DEVICES ?? String(local)),
  };
}

function lastLines(path: string): string[] {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((text) => text.trim() !== '');
  return lines.slice(-LAST_LINES).map((text) => printableLines(text));
}
