import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type LaunchOptions, launchRanks } from './launch-ranks.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'protomem-launch-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Runs a body, which has `env` and `write(name, text)`, in each process. */
async function launch(
  options: LaunchOptions,
  body: string,
  more: { signal?: AbortSignal; env?: NodeJS.ProcessEnv } = {},
) {
  const said: string[] = [];
  const script = `const { env } = process;
    const write = (name, text) => require('node:fs').writeFileSync(require('node:path').join(${JSON.stringify(folder)}, name), text);
    ${body}`;
  const code = await launchRanks(
    { logs: join(folder, 'logs'), ...options },
    { command: [process.execPath, '-e', script], say: (line) => said.push(line), ...more },
  );
  return { code, said };
}
const read = async (name: string) => readFile(join(folder, name), 'utf8');

const names =
  "['RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'LOCAL_WORLD_SIZE', 'MASTER_ADDR', 'PROTOMEM_TIMEOUT', 'CUDA_VISIBLE_DEVICES']";

it('tells each process its place, its threads and its GPU; what ranks other than 0 print goes to files', async () => {
  const body = `write(env.RANK, JSON.stringify([...${names}.map((name) => env[name]), Number(env.TF_NUM_INTRAOP_THREADS) >= 1, env.MASTER_PORT]));
    if (env.RANK > 0) console.log('hello from', env.RANK);`;
  const env = { ...process.env, CUDA_VISIBLE_DEVICES: '4,5,6', TF_NUM_INTRAOP_THREADS: undefined };
  expect((await launch({ nprocPerNode: 3, timeout: 7 }, body, { env })).code).toBe(0);
  const found = await Promise.all(['0', '1', '2'].map(async (rank) => JSON.parse(await read(rank))));
  const port = found[0]!.at(-1);
  expect(found).toEqual(
    ['0', '1', '2'].map((rank, i) => [rank, rank, '3', '3', '127.0.0.1', '7', String(4 + i), true, port]),
  );
  expect(await readdir(join(folder, 'logs'))).toEqual(['rank-1.log', 'rank-2.log']);
  expect(await read('logs/rank-2.log')).toBe('hello from 2\n');
});

it('counts ranks over machines', async () => {
  const options = { nprocPerNode: 2, nnodes: 3, nodeRank: 1, master: '[::1]:29500' };
  expect(
    (await launch(options, `write(env.RANK, [env.WORLD_SIZE, env.MASTER_ADDR, env.MASTER_PORT].join())`)).code,
  ).toBe(0);
  expect(await read('2')).toBe('6,::1,29500');
  expect(await read('3')).toBe('6,::1,29500');
});

it('makes no folder for logs where rank 0 is alone', async () => {
  expect((await launch({}, "write('done', env.RANK)")).code).toBe(0);
  expect(await readdir(folder)).toEqual(['done']);
});

it('ends all when one ends badly, and says which, why and its last words', async () => {
  const stubborn = `if (env.RANK === '1') { console.error('out of\\u001b[31m luck'); process.exitCode = 3; } else { process.on('SIGTERM', () => write('asked', '')); setInterval(() => 0, 1e3); }`;
  const { code, said } = await launch({ nprocPerNode: 2 }, stubborn);
  expect(code).toBe(3);
  expect(said.slice(1)).toEqual([
    'launch: rank 1 ended: exit code 3; the others are ended',
    '  rank 1: out of\\u001b[31m luck',
  ]);
  expect(await read('asked')).toBe('');
  const killed = await launch(
    { nprocPerNode: 2 },
    `if (env.RANK === '1') process.kill(process.pid, 'SIGKILL'); else setInterval(() => 0, 1e3);`,
  );
  expect(killed.code).toBe(1);
  expect(killed.said[1]).toBe('launch: rank 1 ended: killed by SIGKILL; the others are ended');
});

it('starts all again as often as it may', async () => {
  const body = `write('attempt' + env.PROTOMEM_RESTART + '-' + env.RANK, ''); process.exitCode = env.PROTOMEM_RESTART === '2' ? 0 : 1;`;
  expect((await launch({ nprocPerNode: 2, maxRestarts: 1 }, body)).code).toBe(1);
  const { code, said } = await launch({ nprocPerNode: 2, maxRestarts: 5 }, body);
  expect(code).toBe(0);
  expect(said.filter((line) => line.includes('again'))).toEqual([
    'launch: starting all ranks again, 1 of 5',
    'launch: starting all ranks again, 2 of 5',
  ]);
  expect((await readdir(folder)).filter((name) => name.startsWith('attempt'))).toHaveLength(6);
});

it('passes a signal on, and lets all end in order', async () => {
  const controller = new AbortController();
  const body = `process.on('SIGTERM', () => { write('ended' + env.RANK, ''); process.exit(143); }); setInterval(() => 0, 1e3); write('ready' + env.RANK, '');`;
  const running = launch({ nprocPerNode: 2, maxRestarts: 3 }, body, { signal: controller.signal });
  while ((await readdir(folder)).filter((name) => name.startsWith('ready')).length < 2) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  controller.abort();
  expect((await running).code).toBe(143);
  expect((await readdir(folder)).filter((name) => name.startsWith('ended'))).toHaveLength(2);
});

it('passes on a signal that came before there was anybody to hear it', async () => {
  const body = `setTimeout(() => write('slept', ''), 20_000);`;
  const { code } = await launch({ nprocPerNode: 1 }, body, { signal: AbortSignal.abort() });
  expect(code).toBe(1);
  expect(await readdir(folder)).not.toContain('slept');
});

it('leaves no rank behind when it is killed itself', { timeout: 60_000 }, async () => {
  const source = ['--import', 'tsx', '--conditions=@protomem/source', '--input-type=module', '-e'];
  const rank = `
    import { writeFileSync } from 'node:fs';
    import { clusterFromEnvironment } from '@protomem/engine';
    const write = (name) => writeFileSync(${JSON.stringify(folder)} + '/' + name + process.env.RANK, String(process.pid));
    process.on('SIGTERM', () => { write('ended'); process.exit(143); });
    await clusterFromEnvironment();
    setInterval(() => 0, 1e3);
    write('ready');`;
  const program = JSON.stringify([process.execPath, ...source, rank]);
  const launcher = spawn(
    process.execPath,
    [
      ...source,
      `import { launchRanks } from ${JSON.stringify(new URL('launch-ranks.ts', import.meta.url).href)};
     await launchRanks({ nprocPerNode: 2, timeout: 50, logs: ${JSON.stringify(join(folder, 'logs'))} }, { command: ${program} });`,
    ],
    { cwd: fileURLToPath(new URL('..', import.meta.url)) },
  );
  let printed = '';
  launcher.stderr.on('data', (chunk) => {
    printed += chunk;
  });
  const there = async (name: string) => {
    while ((await readdir(folder)).filter((file) => file.startsWith(name)).length < 2) {
      if (launcher.exitCode !== null) throw new Error(printed);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  await there('ready');
  launcher.kill('SIGKILL');
  await Promise.all([once(launcher, 'close'), there('ended')]);
  expect(printed).toMatch(/^rank 0 of 2: the launcher is gone; this process ends in order\./);
  expect(await read('logs/rank-1.log')).toMatch(/^rank 1 of 2: the launcher is gone; this process ends in order\./);
});

it('leaves no rank behind where a later one cannot be started', async () => {
  await mkdir(join(folder, 'logs', 'rank-1.log'), { recursive: true });
  await expect(launch({ nprocPerNode: 2 }, 'setInterval(() => 0, 1e3)')).rejects.toThrow('EISDIR');
  await expect.poll(() => process.getActiveResourcesInfo(), { timeout: 5000 }).not.toContain('ProcessWrap');
});

it('refuses what cannot be', async () => {
  await expect(launch({ nnodes: 2 }, '')).rejects.toThrow(
    'launch: master is "missing", expected host:port of machine 0',
  );
  await expect(launch({ nnodes: 2, nodeRank: 2, master: 'a:1' }, '')).rejects.toThrow('launch: nodeRank is 2');
  await expect(launch({ master: 'a' }, '')).rejects.toThrow('launch: master is "a", expected host:port');
  await expect(launchRanks({ logs: folder }, { command: [join(folder, 'nothing')] })).rejects.toThrow(
    'launch: rank 0 is "not starting: ',
  );
});
