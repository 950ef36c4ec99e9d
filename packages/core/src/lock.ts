import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname, uptime } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { ProtomemError } from './errors.ts';
import { temporaryPath } from './temporary.ts';

/** Who holds a lock: what its file says. */
export interface LockOwner {
  readonly host: string;
  readonly pid: number;
  /** When the lock was taken, ISO 8601. */
  readonly since: string;
  /** Start of the process as its system tells it; tells a process from a later one of the same number. */
  readonly process?: string;
  /** In which numbers of processes count, as its system tells it: a container may have some of its own. */
  readonly namespace?: string;
}

const HEARTBEAT = 10_000;
/** Silence after which an owner elsewhere counts as dead, ms; long, since a busy trainer beats late. */
const FORGOTTEN = 600_000;

/**
 * Runs `work` while no other process holds the lock file, and removes it afterwards. A lock whose owner is dead is taken
 * over: at once where that can be known (its host is this one, and the process is gone, another one has its number, or the host
 * was started anew since its last sign of life), after ten minutes without one on another machine that shares the folder, or in
 * another container.
 *
 * @param path of the lock file; its folder exists.
 * @param onHeld called when another process holds it: throws, as {@link refuseHeld} does, or waits and returns to try again.
 *
 * @example
 * ```ts
 * await withLock('run/.lock', refuseHeld('train', 'run'), async () => train());
 * ```
 */
export async function withLock<T>(
  path: string,
  onHeld: (owner: LockOwner, path: string) => unknown,
  work: () => Promise<T>,
): Promise<T> {
  const own = JSON.stringify({ ...self(), since: new Date().toISOString(), key: randomBytes(4).toString('hex') });
  for (let owner = await take(path, own); owner; owner = await take(path, own)) await onHeld(owner, path);
  const timer = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), HEARTBEAT);
  timer.unref();
  try {
    return await work();
  } finally {
    clearInterval(timer);
    if ((await readFile(path, 'utf8').catch(() => undefined)) === own) await rm(path, { force: true });
  }
}

/** For {@link withLock}: refuses, and names who holds the lock. */
export function refuseHeld(where: string, what: string): (owner: LockOwner, path: string) => never {
  return (owner, path) => {
    const { host, pid, since } = owner;
    const here = isHere(owner);
    throw new ProtomemError({
      where,
      what,
      got: `in use by process ${pid} on ${here ? `${host} (this machine)` : host} since ${since}`,
      expected: 'one that no other process works in',
      fix: `Wait for that process or end it, or name another path.${
        here ? '' : ` Once it is dead, its lock is taken over after ten minutes; or remove ${path}.`
      }`,
    });
  };
}

/** Refuses as {@link refuseHeld} does when a living process holds the lock, and takes nothing. */
export async function checkNotHeld(path: string, where: string, what: string): Promise<void> {
  const found = await read(path);
  if (found && !(await isDead(found))) refuseHeld(where, what)(found.owner, path);
}

/** @returns who holds the lock; undefined when it has been taken. */
async function take(path: string, own: string): Promise<LockOwner | undefined> {
  for (;;) {
    try {
      await writeFile(path, own, { flag: 'wx' });
      return undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unwritable(path, error as Error);
    }
    const found = await read(path);
    if (!found) continue;
    if (!(await isDead(found))) return found.owner;
    // Of several that find it forsaken, one moves it away; should that be a new one already, it goes back.
    const aside = temporaryPath(path);
    const moved = await rename(path, aside).then(
      () => readFile(aside, 'utf8'),
      () => undefined,
    );
    if (moved !== undefined && moved !== found.text) await rename(aside, path);
    await rm(aside, { force: true });
  }
}

interface Found {
  readonly text: string;
  readonly owner: LockOwner;
  /** Of the last sign of life, ms. */
  readonly beat: number;
}

/** Undefined when the lock is free. */
async function read(path: string): Promise<Found | undefined> {
  // Between the making of the file and its content lies a moment; a kill in it leaves an empty one.
  for (let tries = 0; ; tries++) {
    try {
      const text = await readFile(path, 'utf8');
      const owner = parse(text);
      if (owner || tries === 40) {
        const unknown = { host: hostname(), pid: 0, since: 'unknown' };
        return { text, owner: owner ?? unknown, beat: (await stat(path)).mtimeMs };
      }
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code!)) return undefined;
      throw unwritable(path, error as Error);
    }
    await sleep(50);
  }
}

function unwritable(path: string, cause: Error): ProtomemError {
  const expected = 'a folder that may be written';
  return new ProtomemError({ where: 'lock', what: path, got: cause.message, expected }, { cause });
}

function parse(text: string): LockOwner | undefined {
  try {
    const owner = JSON.parse(text);
    return Number.isSafeInteger(owner.pid) && typeof owner.host === 'string' ? owner : undefined;
  } catch {
    return undefined;
  }
}

async function isDead({ owner, beat }: Found): Promise<boolean> {
  if (!isHere(owner)) {
    const sinceBoot = owner.host === hostname() ? 1000 * uptime() : Number.POSITIVE_INFINITY;
    return Date.now() - beat > Math.min(FORGOTTEN, sinceBoot);
  }
  if (owner.pid === 0) return true;
  return !isAlive(owner.pid) || (owner.process !== undefined && startOf(owner.pid) !== owner.process);
}

/** Whether a number names the same process here: others of this host's name have numbers of their own, and so have containers. */
function isHere({ host, process: started, namespace }: LockOwner): boolean {
  const sameBoot = started === undefined || started.startsWith(`${boot()} `);
  return host === hostname() && sameBoot && (namespace === undefined || namespace === numbering());
}

const self = (): Omit<LockOwner, 'since'> => ({
  host: hostname(),
  pid: process.pid,
  process: startOf(process.pid),
  namespace: numbering(),
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** What a file of /proc says; undefined where the system has none. */
function ofSystem(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

const boot = (): string | undefined => ofSystem(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());

const numbering = (): string | undefined => ofSystem(() => readlinkSync('/proc/self/ns/pid'));

/** Boot of the machine and start of a process; undefined where the system has no /proc, and for one that waits to be buried. */
function startOf(pid: number): string | undefined {
  const state = ofSystem(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  // The command's name, in parentheses, may hold anything; the start is the twentieth field after it.
  const fields = state?.slice(state.lastIndexOf(')') + 2).split(' ');
  return fields && !['Z', 'X'].includes(fields[0]!) ? `${boot()} ${fields[19]}` : undefined;
}
