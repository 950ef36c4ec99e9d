import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from './pip.ts';

const heartbeat = 5_000;
const forgotten = 6 * heartbeat;

/**
 * Runs `work` while no other process holds the lock file. A lock whose process is gone is taken over: at once on the
 * same machine, after half a minute without a sign of life on another one that shares the folder.
 */
export async function withLock<T>(path: string, { say, signal }: Context, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  for (let waiting = false; !(await take(path)); waiting = true) {
    if (!waiting) say('another install is running; waiting for it ...');
    await sleep(300, undefined, { signal });
  }
  const timer = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), heartbeat);
  timer.unref();
  try {
    return await work();
  } finally {
    clearInterval(timer);
    await rm(path, { force: true });
  }
}

async function take(path: string): Promise<boolean> {
  try {
    await writeFile(path, `${process.pid} ${hostname()} ${randomBytes(4).toString('hex')}`, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const forsaken = await readForsaken(path);
  if (forsaken === undefined) return false;
  // Of several that find it forsaken, one moves it away; should that be a new one already, it goes back.
  const aside = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
  const moved = await rename(path, aside).then(
    () => readFile(aside, 'utf8'),
    () => undefined,
  );
  if (moved !== undefined && moved !== forsaken) await rename(aside, path);
  await rm(aside, { force: true });
  return false;
}

/** Content of a lock whose holder is gone. */
async function readForsaken(path: string): Promise<string | undefined> {
  try {
    const content = await readFile(path, 'utf8');
    const [pid, host] = content.split(' ');
    const silent = Date.now() - (await stat(path)).mtimeMs > forgotten;
    return silent || (host === hostname() && !isAlive(Number(pid))) ? content : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
