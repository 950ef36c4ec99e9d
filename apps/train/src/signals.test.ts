import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { syntheticFaces } from '@protomem/synthetic';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, small, smallDemo, start } from '../fixtures/command.ts';

const root = join(import.meta.dirname, '../../..');
const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'protomem-signals-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A run that would take long, of steps that take little. */
const long = (out: string): string[] => [
  ...['demo', '--out', join(folder, out), ...small, ...smallDemo, '--set', 'engine.prefer=wasm'],
  ...['encoder.name=mobilefacenet', 'steps=90000', 'checkpoint.every=80000', 'evaluation.every=0'].flatMap((patch) => [
    '--set',
    patch,
  ]),
];
/** A process that was started after the first step, by what its lock says. */
async function trainer(out: string): Promise<number> {
  await until(() => existsSync(join(folder, out, 'log.jsonl')));
  return JSON.parse(await readFile(join(folder, out, '.lock'), 'utf8')).pid;
}

describe.skipIf(process.platform === 'win32')('a signal', () => {
  it.each(['SIGTERM', 'SIGHUP'] as const)(
    '%s reaches a run through npm, which ends with a checkpoint',
    async (signal) => {
      const child = spawn('npm', ['run', '--silent', 'train', '--', ...long(signal)], { cwd: root, stdio: 'ignore' });
      const ended = once(child, 'exit');
      const pid = await trainer(signal);
      child.kill(signal);
      // npm dies by the signal, which a shell shows as 143 or 129.
      expect(await ended).toEqual([null, signal]);
      await until(() => !isRunning(pid));
      expect(await readdir(join(folder, signal, 'checkpoints'))).toHaveLength(1);
      expect(existsSync(join(folder, signal, '.lock'))).toBe(false);
    },
    240_000,
  );

  it('goes through scripts/run.mjs, and the exit code comes back', async () => {
    const script = join(root, 'scripts/run.mjs');
    const child = spawn(process.execPath, [script, 'train', ...long('run')], { cwd: root, stdio: 'ignore' });
    const ended = once(child, 'exit');
    await trainer('run');
    child.kill('SIGTERM');
    expect(await ended).toEqual([143, null]);
    expect(await readdir(join(folder, 'run', 'checkpoints'))).toHaveLength(1);
  }, 240_000);

  it('lets a second process into no run that another is at work in, but after its death', async () => {
    const { child, ended } = start(long('two'));
    const pid = await trainer('two');
    const resume = ['demo', '--out', join(folder, 'two'), '--resume'];
    const second = await run(...resume);
    expect(second.code).toBe(1);
    expect(second.text).toContain(`in use by process ${pid} on `);
    expect(second.text).not.toContain('    at ');
    child.kill('SIGKILL');
    await ended;
    await writeFile(join(folder, 'two', '.config.json.1-00000000.tmp'), '{');
    const third = start([...resume, '--set', 'log.tensorboard=false']);
    await until(() => !existsSync(join(folder, 'two', '.config.json.1-00000000.tmp')));
    third.child.kill('SIGTERM');
    expect((await third.ended).code).toBe(143);
  }, 240_000);

  it.each(['SIGTERM', 'SIGHUP', 'SIGKILL'] as const)(
    '%s leaves nothing of a conversion in the end',
    async (signal) => {
      const people = join(folder, 'people');
      if (!existsSync(people)) {
        const source = syntheticFaces({ identities: 2, imagesPerIdentity: 2, size: 16, seed: 1 });
        for (const identity of [0, 1]) {
          await mkdir(join(people, `p${identity}`), { recursive: true });
          // Enough of them to be in time for the signal.
          const { bytes } = await source.load(identity, 0);
          for (let image = 0; image < 1500; image++)
            await writeFile(join(people, `p${identity}`, `${image}.png`), bytes);
        }
      }
      const to = join(folder, `to-${signal}`);
      await mkdir(to);
      const args = ['convert', people, join(to, 'rec'), '--format', 'folder'];
      const { child, ended } = start(args);
      const unfinished = (): boolean => left().length > 1;
      const left = (): string[] => readdirSync(to);
      await until(unfinished);
      child.kill(signal);
      const { code } = await ended;
      if (signal === 'SIGKILL') {
        expect(left().some((name) => name.endsWith('.tmp'))).toBe(true);
        expect((await run(...args)).code).toBe(0);
        expect(left()).toEqual(['rec']);
      } else {
        expect(code).toBe(143);
        expect(left()).toEqual([]);
      }
    },
    240_000,
  );
});
