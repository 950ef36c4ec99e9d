import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder, findInstalls, findPackage, installName } from '@protomem/engine/installs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { findCompiler } from './compile.ts';
import { install, type Steps } from './install.ts';
import { pinnedTensorflow } from './requirements.ts';

/** Called where a finished install is about to take its place, the old one being out of the way. */
const publishing = vi.hoisted(() => ({ hook: (): void => undefined }));
vi.mock('node:fs/promises', async (load) => {
  const actual = await load<typeof import('node:fs/promises')>();
  const rename = async (from: string, to: string) => {
    if (basename(from).startsWith('.building-')) publishing.hook();
    await actual.rename(from, to);
  };
  return { ...actual, rename };
});

const tfjsNode = findPackage('@tensorflow/tfjs-node')!;
let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'protomem-install-'));
  vi.stubEnv('PROTOMEM_CACHE', cache);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true, force: true });
});

/** Steps that write small files, with a count of the builds. */
function fakeSteps(changes: Partial<Steps> = {}): Steps & { builds: number } {
  const steps = {
    builds: 0,
    findTools: async () => ({ compiler: 'c++', python: 'python3' }),
    unpackFromPip: async (_python: string, _requirement: string, { folder }: { folder: string }) => {
      steps.builds++;
      mkdirSync(join(folder, 'tensorflow'));
      writeFileSync(join(folder, 'tensorflow', 'libtensorflow_cc.so.2'), 'library');
      return 'fake.whl';
    },
    compileBinding: async (...[, , folder]: Parameters<Steps['compileBinding']>) =>
      writeFileSync(join(folder, 'tfjs_binding.node'), 'binding'),
    probeBinding: async () => ({ tensorflow: pinnedTensorflow }),
    ...changes,
  };
  return steps;
}

/** The package's own binding, where its installer worked, would answer first: `force` looks past it. */
const fresh = { force: true };
const here = () => readdirSync(cacheFolder());

it('installs once, then finds it', async () => {
  const steps = fakeSteps();
  const first = await install(fresh, steps);
  expect(first).toMatchObject({ tensorflow: pinnedTensorflow, present: false });
  expect(readFileSync(first.binding, 'utf8')).toBe('binding');
  expect(await install({}, steps)).toEqual({ ...first, present: true });
  expect(steps.builds).toBe(1);
  expect(here()).toEqual([installName(tfjsNode, pinnedTensorflow)]);
  await install(fresh, steps);
  expect(steps.builds).toBe(2);
});

it('installs again when a file has another size than it had', async () => {
  const steps = fakeSteps();
  const { binding } = await install(fresh, steps);
  writeFileSync(join(dirname(binding), 'tensorflow', 'libtensorflow_cc.so.2'), 'libr');
  expect(findInstalls(tfjsNode)).toEqual([]);
  await install(fresh, steps);
  expect(findInstalls(tfjsNode)).toHaveLength(1);
});

it('lets the second of two at once wait, and use what the first made', async () => {
  const steps = fakeSteps();
  vi.stubEnv('PROTOMEM_CACHE', cache);
  const lines: string[] = [];
  const slow = fakeSteps({
    compileBinding: async (...args) => {
      await new Promise((resolve) => setTimeout(resolve, 700));
      await steps.compileBinding(...args);
    },
  });
  const first = install(fresh, slow);
  await vi.waitFor(() => expect(here()).toContain('install.lock'));
  const second = await install({ ...fresh, say: (line) => lines.push(line) }, steps);
  expect(lines).toContain('another install is running; waiting for it ...');
  expect((await first).binding).toBe(second.binding);
  expect(here()).toHaveLength(1);
});

it.each<[string, Partial<Steps>, RegExp]>([
  ['a disk that is full', { unpackFromPip: async () => fail('ENOSPC: no space left, write') }, /the disk is "full"/],
  ['a binding that does not load', { probeBinding: async () => ({ reason: 'no AVX' }) }, /not loading: no AVX/],
  ['a compiler that fails', { compileBinding: async () => fail('broken') }, /broken/],
  ['a tool that is missing', { findTools: async () => fail('no pip') }, /no pip/],
])('leaves nothing behind after %s', async (_, changes, message) => {
  await expect(install(fresh, fakeSteps(changes))).rejects.toThrow(message);
  expect(readdirSync(cache, { recursive: true }).filter((name) => name !== 'engine')).toEqual([]);
  await install(fresh, fakeSteps());
  expect(findInstalls(tfjsNode)).toHaveLength(1);
});

it('keeps the old install when a new one fails', async () => {
  await install(fresh, fakeSteps());
  await expect(install(fresh, fakeSteps({ compileBinding: async () => fail('broken') }))).rejects.toThrow('broken');
  expect(findInstalls(tfjsNode)).toHaveLength(1);
});

it('puts the old install back where the new one cannot take its place, or was killed before it could', async () => {
  await install(fresh, fakeSteps());
  const killed = join(cache, 'killed');
  publishing.hook = () => {
    const filter = (path: string) => basename(path) !== 'install.lock';
    cpSync(cacheFolder(), join(killed, 'engine'), { recursive: true, filter });
    throw new Error('EIO');
  };
  await expect(install(fresh, fakeSteps())).rejects.toThrow('EIO');
  publishing.hook = () => undefined;
  expect(findInstalls(tfjsNode)).toHaveLength(1);
  vi.stubEnv('PROTOMEM_CACHE', killed);
  expect(findInstalls(tfjsNode)).toEqual([]);
  const steps = fakeSteps();
  await install({}, steps);
  expect(steps.builds).toBe(0);
  await expect(install(fresh, fakeSteps({ compileBinding: async () => fail('broken') }))).rejects.toThrow('broken');
  expect(here()).toEqual([installName(tfjsNode, pinnedTensorflow)]);
  expect(findInstalls(tfjsNode)).toHaveLength(1);
});

it('survives being killed in the middle', async () => {
  const script = fileURLToPath(new URL('../fixtures/hanging-install.ts', import.meta.url));
  const args = ['--import', 'tsx', '--conditions=@protomem/source', script];
  const child = spawn(process.execPath, args, { cwd: join(import.meta.dirname, '../../..') });
  await once(child.stdout, 'data');
  expect(here().some((name) => name.startsWith('.building-'))).toBe(true);
  expect(findInstalls(tfjsNode)).toEqual([]);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await install(fresh, fakeSteps());
  expect(findInstalls(tfjsNode)).toHaveLength(1);
  expect(here()).toHaveLength(1);
});

it('stops when it is aborted', async () => {
  const abort = new AbortController();
  abort.abort();
  const steps = fakeSteps({ unpackFromPip: async (_p, _r, _f, { signal }) => signal!.throwIfAborted() as never });
  await expect(install({ ...fresh, signal: abort.signal }, steps)).rejects.toThrow(/abort/);
  expect(here()).toEqual([]);
});

it('names what is missing, and an option that it does not know', async () => {
  await expect(install({ forse: true } as object, fakeSteps())).rejects.toThrow(/Did you mean "force"\?/);
  await expect(install({ gpu: true, force: true }, fakeSteps())).rejects.toThrow(/@tensorflow\/tfjs-node-gpu is "not/);
  await expect(install({ from: join(cache, 'nowhere') }, fakeSteps())).rejects.toThrow(/--from is ".*nowhere"/);
  vi.stubEnv('CXX', '/no/such/compiler');
  await expect(findCompiler()).rejects.toThrow(/a C\+\+ compiler is "missing".*apt install g\+\+/);
});

function fail(message: string): never {
  throw new Error(message);
}
