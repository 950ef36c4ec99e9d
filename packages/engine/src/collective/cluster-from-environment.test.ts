import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { clusterFromEnvironment, firstHost, placeIn } from './cluster-from-environment.ts';

const ranks = { RANK: '1', WORLD_SIZE: '2', MASTER_ADDR: '10.0.0.1', MASTER_PORT: '29500' };
const step = { SLURM_STEP_ID: '0', SLURM_PROCID: '3', SLURM_STEP_NUM_TASKS: '4', SLURM_JOB_ID: '123456' };
const tfConfig = (task: object): string =>
  JSON.stringify({ cluster: { chief: ['a:1'], worker: ['b:2', 'c:3'] }, task });

describe('the place of a process', () => {
  it.each([
    ['nothing', {}, undefined],
    ['one process', { RANK: '0', WORLD_SIZE: '1' }, undefined],
    ['torchrun', ranks, { rank: 1, size: 2, master: '10.0.0.1:29500' }],
    ['srun', { ...step, SLURM_STEP_NODELIST: 'n[07-09,12]-ib,m1' }, { rank: 3, size: 4, master: 'n07-ib:23456' }],
    ['srun, with a port', { ...step, SLURM_NODELIST: 'a,b', MASTER_PORT: '9' }, { rank: 3, size: 4, master: 'a:9' }],
    ["a job's script", { SLURM_PROCID: '0', SLURM_NTASKS: '4', SLURM_NODELIST: 'a' }, undefined],
    [
      'TF_CONFIG',
      { TF_CONFIG: tfConfig({ type: 'worker', index: 1 }) },
      { rank: 2, size: 3, addresses: ['a:1', 'b:2', 'c:3'] },
    ],
  ])('is read of %s', (_, env, expected) => {
    expect(placeIn(env as Record<string, string>)).toEqual(expected);
  });

  it.each([
    [{ ...ranks, MASTER_ADDR: '' }, 'the environment: MASTER_ADDR is "missing"'],
    [{ ...ranks, RANK: '2' }, 'the environment: RANK is 2, expected an integer in [0, 1]'],
    [{ ...ranks, WORLD_SIZE: 'two' }, 'the environment: WORLD_SIZE is "two"'],
    [{ ...step, SLURM_PROCID: '4' }, 'the environment: SLURM_PROCID is 4'],
    [{ TF_CONFIG: '{' }, 'TF_CONFIG'],
    [{ TF_CONFIG: 'null' }, 'TF_CONFIG: task.type is "missing", expected "worker" or "chief"'],
    [{ TF_CONFIG: tfConfig({ type: 'ps', index: 0 }) }, 'task.type is "ps", expected "worker" or "chief"'],
    [{ TF_CONFIG: tfConfig({ type: 'worker', index: 2 }) }, 'TF_CONFIG: task.index is 2'],
  ])('is refused of %j', (env, message) => {
    expect(() => placeIn(env as Record<string, string>)).toThrow(message);
  });

  it('is at the first host of a list', () => {
    const lists = ['a', 'a,b', 'n[1-3]', 'n[003,7],b', 'x-[5]-y', 'rack[1-2]node[3-4],c'];
    expect(lists.map(firstHost)).toEqual(['a', 'a', 'n1', 'n003', 'x-5-y', 'rack1node3']);
  });
});

describe('processes that know one address', () => {
  const port = () => String(20_000 + Math.floor((process.pid * 7 + performance.now()) % 20_000));
  const env = (rank: number, size: number, MASTER_PORT: string, more = {}) => ({
    ...{ RANK: String(rank), WORLD_SIZE: String(size), MASTER_ADDR: '127.0.0.1', MASTER_PORT },
    ...{ PROTOMEM_TIMEOUT: '5', ...more },
  });

  it('learn all, whoever comes first and whoever else comes by', async () => {
    const at = port();
    const late = [2, 1].map((rank) => clusterFromEnvironment(env(rank, 3, at)));
    const first = clusterFromEnvironment(env(0, 3, at));
    const stranger = createConnection({ host: '127.0.0.1', port: Number(at) });
    stranger.on('error', () => undefined).write('GET / HTTP/1.1\n');
    const all = await Promise.all([first, ...late]);
    expect(all.map((one) => one!.rank)).toEqual([0, 2, 1]);
    for (const one of all) expect(one!.addresses).toEqual(all[0]!.addresses);
    expect(new Set(all[0]!.addresses).size).toBe(3);
    for (const address of all[0]!.addresses) expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(all[0]!.timeoutSeconds).toBe(5);
    stranger.destroy();
  });

  it('say who is not there, who was told otherwise, and that a port is taken', async () => {
    const at = port();
    const soon = { PROTOMEM_TIMEOUT: '1' };
    await expect(clusterFromEnvironment(env(1, 2, at, soon))).rejects.toThrow(
      /^rank 1 of 2: rank 0 at 127.0.0.1:\d+ is "not there after 1 s \(.*ECONNREFUSED/,
    );
    const waiting = clusterFromEnvironment(env(0, 3, at, { PROTOMEM_TIMEOUT: '2' }));
    const refused = clusterFromEnvironment(env(1, 2, at));
    await expect(refused).rejects.toThrow(/rank 1 of 2: its place is "rank 1 was told of 2 processes, rank 0 of 3"/);
    await expect(clusterFromEnvironment(env(0, 2, at))).rejects.toThrow(/is "not to be had: .*EADDRINUSE/);
    await expect(waiting).rejects.toThrow(/^rank 0 of 3: rank 1, 2 is "not there after 2 s"/);
  });

  /** Rank 1 as far as it has said where it will listen. */
  const rankOne = async (size: number, at: string): Promise<Socket> => {
    for (;;) {
      const socket = createConnection({ host: '127.0.0.1', port: Number(at), allowHalfOpen: true });
      if (await once(socket, 'connect').catch(() => undefined)) {
        socket.on('error', () => undefined).write(`${JSON.stringify({ rank: 1, size, address: '127.0.0.1:5001' })}\n`);
        return socket;
      }
      await sleep(20);
    }
  };
  const dies = async (socket: Socket): Promise<void> => {
    await sleep(200);
    socket.destroy();
    await sleep(200);
  };

  it('wait again for one that died, and take it when it is started again', async () => {
    const at = port();
    const first = clusterFromEnvironment(env(0, 3, at, { PROTOMEM_TIMEOUT: '20' }));
    await dies(await rankOne(3, at));
    const all = await Promise.all([first, ...[2, 1].map((rank) => clusterFromEnvironment(env(rank, 3, at)))]);
    expect(all.map((one) => one!.rank)).toEqual([0, 2, 1]);
    for (const one of all) expect(one!.addresses).toEqual(all[0]!.addresses);
    expect(all[0]!.addresses).not.toContain('127.0.0.1:5001');
  });

  it('say that one which died is not there, and wait for no goodbye of one that is stopped', async () => {
    const at = port();
    const waiting = clusterFromEnvironment(env(0, 3, at, { PROTOMEM_TIMEOUT: '2' }));
    const refused = expect(waiting).rejects.toThrow(/^rank 0 of 3: rank 1.* is "not there after 2 s"/);
    await dies(await rankOne(3, at));
    await clusterFromEnvironment(env(2, 3, at, { PROTOMEM_TIMEOUT: '1' })).catch(() => undefined);
    await refused;
    const elsewhere = String(Number(at) + 1);
    const whole = clusterFromEnvironment(env(0, 2, elsewhere, { PROTOMEM_TIMEOUT: '1' }));
    const stopped = await rankOne(2, elsewhere);
    expect((await whole)!.addresses[1]).toBe('127.0.0.1:5001');
    stopped.destroy();
  });
});
