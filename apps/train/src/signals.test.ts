import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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
  ...['demo', '--out', out, ...small, ...smallDemo, '--set', 'engine.prefer=wasm'],
  ...['encoder.name=mobile-face-net', 'steps=90000', 'checkpoint.every=80000', 'evaluation.every=0'].flatMap(
    (patch) => ['--set', patch],
  ),
];

describe.skipIf(process.platform === 'win32')('a signal', () => {
  it('reaches a run through npm and scripts/run.mjs, which ends with a checkpoint and goes on later; nobody else works in it', async () => {
    const out = join(folder, 'out');
    const [lock, log, left] = ['.lock', 'log.jsonl', '.config.json.1-00000000.tmp'].map((name) => join(out, name));
    const checkpoints = (): string[] => readdirSync(join(out, 'checkpoints'));
    const npm = spawn('npm', ['run', '--silent', 'train', '--', ...long(out)], { cwd: root, stdio: 'ignore' });
    await until(() => existsSync(log!));
    const owner = await readFile(lock!, 'utf8');
    const { pid } = JSON.parse(owner);
    const second = await run('demo', '--out', out, '--resume');
    expect(second.code).toBe(1);
    expect(second.text).toContain(`in use by process ${pid} on `);
    expect(second.text).not.toContain('    at ');
    // npm dies of it without a word to anybody.
    npm.kill('SIGHUP');
    await until(() => !isRunning(pid));
    expect(checkpoints()).toHaveLength(1);
    expect(existsSync(lock!)).toBe(false);

    // What a kill would have left.
    await writeFile(lock!, owner);
    await writeFile(left!, '{');
    const { size } = statSync(log!);
    const script = join(root, 'scripts/run.mjs');
    const args = [script, 'train', 'demo', '--out', out, '--resume'];
    const again = spawn(process.execPath, args, { cwd: root, stdio: 'ignore' });
    const ended = once(again, 'exit');
    await until(() => statSync(log!).size > size);
    expect(existsSync(left!)).toBe(false);
    again.kill('SIGTERM');
    expect(await ended).toEqual([143, null]);
    expect(checkpoints()).toHaveLength(2);
  }, 240_000);

  it.each(['SIGTERM', 'SIGKILL'] as const)(
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
