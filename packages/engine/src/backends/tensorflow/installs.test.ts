import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { findProgram, installName, programFile } from './installs.ts';

it('finds the newest program of tfjs-node that an install left, and none where there is none', () => {
  const root = mkdtempSync(join(tmpdir(), 'protomem-program-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  expect(findProgram(root)).toBeUndefined();
  expect(findProgram(join(root, 'nowhere'))).toBeUndefined();
  for (const version of ['4.9.0', '4.22.0']) writeFileSync(programFile(version, root), '');
  for (const name of ['tfjs-node-5.0.0.cjs.tmp', 'tfjs-node-4.22.0-tensorflow-2.21.0'])
    writeFileSync(join(root, name), '');
  const program = join(root, 'tfjs-node-4.22.0.cjs');
  const found = { name: '@tensorflow/tfjs-node', version: '4.22.0', folder: root, manifest: program, program };
  expect(findProgram(root)).toEqual(found);
  // One of another project's release, whose library is not there, or not whole.
  const leave = (version: string, files: object): void => {
    const folder = join(root, installName({ ...found, version }, '2.21.0'));
    mkdirSync(folder);
    writeFileSync(join(folder, 'installed.json'), JSON.stringify({ files }));
  };
  leave('4.22.0', { 'tfjs_binding.node': 1 });
  expect(findProgram(root)).toEqual(found);
  leave('4.9.0', {});
  expect(findProgram(root)!.version).toBe('4.9.0');
});
