import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { runCli } from './run-cli.ts';

const printed = { out: '', err: '' };
beforeEach(() => {
  Object.assign(printed, { out: '', err: '' });
  vi.spyOn(console, 'log').mockImplementation((line) => {
    printed.out += `${line}\n`;
  });
  vi.spyOn(console, 'error').mockImplementation((line) => {
    printed.err += `${line}\n`;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

it('prints help and version', async () => {
  expect(await runCli(['--help'])).toBe(0);
  expect(printed.out).toMatch(/install \[--gpu\] \[--from DIR\] \[--force\]/);
  expect(await runCli(['--version'])).toBe(0);
  expect(printed.out).toMatch(/\n\d+\.\d+\.\d+\n$/);
});

it.each([
  [[], 'a command is missing'],
  [['instal'], 'no command "instal"'],
  [['toString'], 'no command "toString"'],
  [['install', '--json'], 'install has no option --json'],
  [['install', '--fast'], "Unknown option '--fast'"],
  [['install', 'more'], '"more" is one argument too many'],
  [['install', '--from'], 'argument missing'],
])('refuses %j with status 2', async (args, message) => {
  expect(await runCli(args)).toBe(2);
  expect(printed.err).toContain(message);
});

it('ends with status 1 and one line when an install cannot be done', async () => {
  const cache = mkdtempSync(join(tmpdir(), 'protomem-cli-'));
  vi.stubEnv('PROTOMEM_CACHE', cache);
  vi.stubEnv('PATH', cache);
  vi.stubEnv('CXX', '');
  expect(await runCli(['install', '--force'])).toBe(1);
  expect(printed.err).toMatch(/^protomem-engine install: [^\n]+\n$/);
  rmSync(cache, { recursive: true });
});

it('ends a dry run when it is interrupted', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'protomem-cli-'));
  const python = join(dir, 'python3');
  writeFileSync(python, `#!/bin/sh\ncase "$*" in *--version*) exit 0;; esac\ntouch ${dir}/asked\nexec sleep 60\n`);
  chmodSync(python, 0o755);
  vi.stubEnv('PATH', `${dir}${delimiter}${process.env.PATH}`);
  const ended = runCli(['install', '--dry-run']);
  await vi.waitUntil(() => existsSync(join(dir, 'asked')), { timeout: 20_000 });
  // As Ctrl-C does, but not to the one who runs the tests.
  process.listeners('SIGINT').at(-1)!('SIGINT');
  expect(await ended).toBe(130);
  expect(printed.err).toContain('interrupted');
  rmSync(dir, { recursive: true });
});

it('examines every engine in a process of its own', async () => {
  vi.spyOn(process, 'argv', 'get').mockReturnValue([process.execPath, join(import.meta.dirname, 'cli.ts')]);
  vi.spyOn(process, 'execArgv', 'get').mockReturnValue(['--import', 'tsx', '--conditions=@protomem/source']);
  expect(await runCli(['doctor', '--json'])).toBe(0);
  const { engines, processor, threads } = JSON.parse(printed.out);
  expect(Object.keys(engines)).toEqual(['node-gpu', 'node', 'webgpu', 'wasm', 'cpu']);
  expect(engines.cpu).toMatchObject({ engine: 'cpu' });
  expect(engines.wasm).toMatchObject({ engine: 'wasm', threads });
  expect(engines.webgpu.engine ?? engines.webgpu.reason).toMatch(/^webgpu$|the WebGPU adapter is "missing"/);
  expect(processor).not.toBe('');
});
