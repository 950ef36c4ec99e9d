import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { runCommand } from './run-command.ts';

it('waits for what it has aborted, which may take its time to end', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'protomem-command-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const written = join(dir, 'last');
  const end = `require('node:fs').writeFileSync(${JSON.stringify(written)}, ''); process.exit();`;
  const abort = new AbortController();
  process.once('SIGUSR2', () => abort.abort());
  const script = `process.on('SIGTERM', () => setTimeout(() => { ${end} }, 300));
    setInterval(() => 0, 1e3);
    process.kill(${process.pid}, 'SIGUSR2');`;
  const { code, stderr } = await runCommand(process.execPath, ['-e', script], { signal: abort.signal });
  expect([code, stderr, existsSync(written)]).toEqual([null, 'The operation was aborted', true]);
});

it('ends with the reason where a program cannot be started', async () => {
  const failed = { code: null, signal: null, stdout: '', stderr: 'spawn /no/such/program ENOENT' };
  expect(await runCommand('/no/such/program', [])).toEqual(failed);
});
