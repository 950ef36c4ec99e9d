import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { instructionSets, trainingOpsFile } from '@protomem/engine/installs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { compileBinding, findCompiler } from './compile.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'protomem-compile-'));
  mkdirSync(join(folder, 'tensorflow'));
  for (const name of ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2']) {
    writeFileSync(join(folder, 'tensorflow', name), '');
  }
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** A compiler that writes its output, and fails at a source of this name, or at one of ours that is not there. */
function compiler(failsAt: string): string {
  const path = join(folder, 'cxx');
  const lines = [
    '#!/bin/sh',
    `case "$*" in *${failsAt}*) echo "x.cc:1: error: no such thing" >&2; exit 1;; esac`,
    'for word; do case "$word" in */cpp/*) [ -f "$word" ] || { echo "error: no $word" >&2; exit 1; };; esac; done',
    'while [ $# -gt 1 ]; do shift; done',
    'touch "$1"',
  ];
  writeFileSync(path, lines.join('\n'));
  chmodSync(path, 0o755);
  return path;
}

async function compile(failsAt: string, before = ''): Promise<string[]> {
  const said: string[] = [];
  const sources = { name: 'tfjs-node', version: '1', folder, manifest: '' };
  await compileBinding(`${before}${compiler(failsAt)}`, sources, folder, folder, { say: (line) => said.push(line) });
  return said;
}

it('makes the binding, and the ops for each kind of processor', async () => {
  expect(await compile('nothing')).toEqual([]);
  const made = readdirSync(folder).filter((name) => name.endsWith('.node'));
  expect(made.sort()).toEqual(['preload.node', 'tfjs_binding.node', ...instructionSets().map(trainingOpsFile)].sort());
});

it('takes a compiler with arguments, as CXX may have it', async () => {
  vi.stubEnv('CXX', ` env  A=1 ${compiler('nothing')} `);
  expect(await findCompiler()).toBe(process.env.CXX!.trim());
  expect(await compile('nothing', 'env A=1 ')).toEqual([]);
  expect(readdirSync(folder)).toContain('tfjs_binding.node');
});

it('goes on without the ops where they do not compile, and says so', async () => {
  const said = await compile('training_ops.cc');
  expect(said).toHaveLength(instructionSets().length);
  expect(said[0]).toBe(
    'the ops for training, not compiled: x.cc:1: error: no such thing; it goes on without them, more slowly.',
  );
  expect(readdirSync(folder)).toContain('tfjs_binding.node');
});

it('fails where the binding does not compile', async () => {
  await expect(compile('tfjs_binding.cc')).rejects.toThrow(
    /the binding is "not compiled: x.cc:1: error: no such thing/,
  );
});
