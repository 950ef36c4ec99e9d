import { chmodSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { planInstall } from './plan.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'protomem-plan-'));
  vi.stubEnv('PATH', `${dir}${delimiter}${process.env.PATH}`);
  vi.stubEnv('PROTOMEM_CACHE', join(dir, 'cache'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true });
});

/** A python3 whose pip answers what a real one does; it keeps what it was asked. */
function fakePip(answer: string): void {
  const script = `#!/bin/sh
case "$*" in *--version*) echo pip; exit 0;; esac
echo "$*" >> ${dir}/asked
${answer}
`;
  writeFileSync(join(dir, 'python3'), script);
  chmodSync(join(dir, 'python3'), 0o755);
}

const wheel = (name: string, file: string): object => ({
  metadata: { name },
  download_info: { url: `https://example.org/a/${file}`, archive_info: { hash: `sha256=${name.length}` } },
});

it('names the exact wheels of TensorFlow and CUDA, and where they go', async () => {
  const install = [
    wheel('tensorflow', 'tensorflow-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl'),
    wheel('numpy', 'numpy-2.0.0-cp312-cp312-manylinux_2_27_x86_64.whl'),
    wheel('nvidia-cudnn-cu12', 'nvidia_cudnn_cu12-9.3.0.75-py3-none-manylinux_2_27_x86_64.whl'),
  ];
  writeFileSync(join(dir, 'report.json'), JSON.stringify({ install }));
  fakePip(`cat ${dir}/report.json`);
  const lines = (await planInstall({ gpu: true })).join('\n');
  expect(lines).toContain('tensorflow-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl, sha256=10');
  expect(lines).toContain('nvidia_cudnn_cu12-9.3.0.75-py3-none-manylinux_2_27_x86_64.whl');
  expect(lines).not.toContain('numpy');
  expect(lines).toMatch(new RegExp(`into {6}${join(dir, 'cache')}`));
  expect(lines).toMatch(/CUDA .*nvidia, where TensorFlow looks/);
  expect(readFileSync(join(dir, 'asked'), 'utf8')).toMatch(/--dry-run .*tensorflow\[and-cuda\]==2\.21\.0/);
});

it('takes the CPU package without CUDA, and a folder as it is', async () => {
  writeFileSync(join(dir, 'report.json'), JSON.stringify({ install: [wheel('tensorflow-cpu', 'tensorflow_cpu.whl')] }));
  fakePip(`cat ${dir}/report.json`);
  const lines = (await planInstall({})).join('\n');
  expect(lines).toContain('tensorflow_cpu.whl');
  expect(lines).not.toContain('CUDA');
  expect((await planInstall({ from: dir })).join('\n')).toContain(`libraries folder ${realpathSync(dir)}`);
  await expect(planInstall({ from: join(dir, 'nowhere') })).rejects.toThrow(/--from is ".*nowhere"/);
});

it('ends pip when it is aborted, and asks it no more', async () => {
  fakePip('exec sleep 60');
  const abort = new AbortController();
  const planned = planInstall({ signal: abort.signal });
  const waiting = expect(planned).rejects.toThrow('This operation was aborted');
  await vi.waitUntil(() => existsSync(join(dir, 'asked')), { timeout: 20_000 });
  abort.abort();
  await waiting;
  expect(readFileSync(join(dir, 'asked'), 'utf8').trim().split('\n')).toHaveLength(1);
});

it('says what pip says when it finds none', async () => {
  fakePip('echo "ERROR: No matching distribution found" >&2; exit 1');
  await expect(planInstall({ gpu: true })).rejects.toThrow(/tensorflow\[and-cuda\]==.*No matching distribution found/);
});
