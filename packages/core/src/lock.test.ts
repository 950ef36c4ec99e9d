import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkNotHeld, refuseHeld, withLock } from './lock.ts';

const refuse = refuseHeld('train', 'the run');

describe('withLock', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'protomem-lock-'));
    path = join(folder, '.lock');
  });
  afterEach(() => rm(folder, { recursive: true }));
  const held = (owner: object): Promise<void> =>
    writeFile(
      path,
      JSON.stringify({ host: hostname(), pid: process.pid, since: '2026-01-01T00:00:00.000Z', ...owner }),
    );
  const take = (): Promise<string> => withLock(path, refuse, async () => 'taken');

  it('refuses a second one, names the first, and is free afterwards', async () => {
    await withLock(path, refuse, async () => {
      await expect(take()).rejects.toThrow(`in use by process ${process.pid} on ${hostname()} (this machine) since 2`);
      await expect(checkNotHeld(path, 'train', 'the run')).rejects.toThrow('the run is "in use by');
    });
    expect(await readdir(folder)).toEqual([]);
    await checkNotHeld(path, 'train', 'the run');
    await expect(withLock(path, refuse, async () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await take()).toBe('taken');
  });

  it('lets one of many at once have it, and the others wait their turn', async () => {
    let [inside, most, turns] = [0, 0, 0];
    const work = async (): Promise<void> => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 2));
      inside--;
      turns++;
    };
    const wait = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));
    await held({ pid: 2 ** 22 + 1 });
    await Promise.all(Array.from({ length: 8 }, () => withLock(path, wait, work)));
    expect([most, turns]).toEqual([1, 8]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('is taken over from a process that was killed', async () => {
    const script = `await (await import(${JSON.stringify(import.meta.resolve('./lock.ts'))})).withLock(
      ${JSON.stringify(path)}, () => undefined, () => new Promise(() => { console.log('held'); setInterval(() => 0, 1e3); }))`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const keep = setInterval(() => undefined, 1000);
    await once(child.stdout, 'data');
    clearInterval(keep);
    await expect(take()).rejects.toThrow(`in use by process ${child.pid} `);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await take()).toBe('taken');
  });

  it.skipIf(process.platform !== 'linux')('is taken over when its number is now that of another process', async () => {
    await held({ process: `${(await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()} 77` });
    expect(await take()).toBe('taken');
  });

  it.skipIf(process.platform !== 'linux').each([
    ['another boot', { process: 'another-boot 77' }],
    ['another numbering of processes', { namespace: 'pid:[1]' }],
  ])('is left to a holder of the same host name in %s, until it is silent', async (_, more) => {
    await held({ pid: 2 ** 22 + 1, ...more });
    await expect(take()).rejects.toThrow('taken over after ten minutes');
    const silent = new Date(Date.now() - Math.min(700, uptime() + 5) * 1000);
    await utimes(path, silent, silent);
    expect(await take()).toBe('taken');
  });

  it('is left to another machine for as long as that gives a sign of life now and then', async () => {
    await held({ host: 'elsewhere', pid: 1 });
    await expect(take()).rejects.toThrow(/process 1 on elsewhere since .* taken over after ten minutes; or remove /);
    const silent = new Date(Date.now() - 700_000);
    await utimes(path, silent, silent);
    expect(await take()).toBe('taken');
  });

  it('leaves a lock alone that is no longer its own', async () => {
    await withLock(path, refuse, () => held({ host: 'elsewhere' }));
    expect(await readFile(path, 'utf8')).toContain('elsewhere');
  });
});
