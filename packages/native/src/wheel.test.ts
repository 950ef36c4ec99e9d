import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { makeWheel } from '../fixtures/make-wheel.ts';
import { openWheel } from './wheel.ts';

const folder = mkdtempSync(join(tmpdir(), 'protomem-wheel-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, content: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const members = { 'a/library.so': 'x'.repeat(100_000), 'a/note.txt': 'über' };

it('extracts members that agree with RECORD', async () => {
  const wheel = await openWheel(write('good.whl', makeWheel(members)));
  expect([...wheel.members].sort()).toEqual(['a/library.so', 'a/note.txt', 'fake-1.dist-info/RECORD']);
  expect(await wheel.text('a/note.txt')).toBe('über');
  expect(await wheel.extract('a/library.so', folder)).toBe(100_000);
  expect(readFileSync(join(folder, 'a/library.so'), 'utf8')).toBe(members['a/library.so']);
  wheel.close();
});

it('refuses a member that differs from RECORD, and one that RECORD does not know', async () => {
  const wheel = await openWheel(write('changed.whl', makeWheel(members, ['a/library.so'])));
  await expect(wheel.extract('a/library.so', folder)).rejects.toThrow(/changed\.whl: sha256 of a\/library\.so is/);
  await expect(wheel.extract('fake-1.dist-info/RECORD', folder)).rejects.toThrow(/a line in RECORD/);
  wheel.close();
});

it('refuses a wheel that was cut short', async () => {
  await expect(openWheel(write('short.whl', makeWheel(members).subarray(0, 50_000)))).rejects.toThrow();
});
