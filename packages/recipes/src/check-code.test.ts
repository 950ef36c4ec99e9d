import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { EngineInfo } from '@protomem/engine';
import { ranksInTurn, useEngine } from '@protomem/engine/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkSameCode, digestOfCode } from './check-code.ts';

let packages: string;
beforeEach(() => {
  packages = mkdtempSync(join(tmpdir(), 'protomem-code-'));
});
afterEach(() => rmSync(packages, { recursive: true }));

function write(file: string, text: string): string {
  mkdirSync(dirname(join(packages, file)), { recursive: true });
  writeFileSync(join(packages, file), text);
  return digestOfCode({ packages, form: 'dist' });
}

it('changes with the code that runs, and with nothing else', () => {
  const before = write('heads/dist/deep/a.js', 'a');
  expect(before).toMatch(/^[0-9a-f]{12}$/);
  for (const other of [
    'heads/dist/a.d.ts',
    'heads/dist/a.js.map',
    'heads/dist/a.test.js',
    'heads/src/a.ts',
    'notes.txt',
  ])
    expect(write(other, 'b')).toBe(before);
  const changed = write('heads/dist/deep/a.js', 'b');
  expect(changed).not.toBe(before);
  expect(write('heads/dist/deep/a.js', 'a')).toBe(before);
  expect(write('memory/dist/a.mjs', '')).not.toBe(before);
});

it('is that of the packages beside this one', () => {
  const own = digestOfCode();
  expect(digestOfCode()).toBe(own);
  expect(own).not.toBe(digestOfCode({ packages, form: 'src' }));
});

it('names the rank whose TensorFlow is another', async () => {
  await useEngine('cpu');
  const of = (version: string) => ({ engine: 'node', version }) as EngineInfo;
  ranksInTurn(2, (c) => checkSameCode('train', c, of('2.21.0')));
  expect(() => ranksInTurn(2, (c) => checkSameCode('train', c, of(c.rank === 0 ? '2.21.0' : '2.20.0')))).toThrow(
    'train: the engine of rank 1 is "node 2.20.0", expected node 2.21.0, as rank 0 has it. Install the same release',
  );
});
