import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { instructionSet, instructionSets } from './instruction-sets.ts';

const folder = mkdtempSync(join(tmpdir(), 'protomem-'));
afterAll(() => rmSync(folder, { recursive: true }));

const v3 = 'fpu avx2 bmi1 bmi2 fma f16c movbe abm';

it.each([
  ['x64', `${v3} avx512f avx512dq avx512cd avx512bw avx512vl`, 'x86-64-v4'],
  ['x64', v3, 'x86-64-v3'],
  ['x64', `${v3} avx512f`, 'x86-64-v3'],
  ['x64', 'fpu sse2', undefined],
  ['arm64', 'fp asimd', 'arm64'],
  ['ia32', v3, undefined],
])('on %s with %s it is %s', (arch, flags, expected) => {
  const file = join(folder, 'cpuinfo');
  writeFileSync(file, `processor : 0\nflags\t\t: ${flags}\n`);
  expect(instructionSet(arch, file)).toBe(expected);
});

it('is the baseline where nothing tells', () => {
  expect(instructionSet('arm64', join(folder, 'missing'))).toBe('arm64');
  expect(instructionSet('x64', join(folder, 'missing'))).toBeUndefined();
  expect(instructionSets('x64')).toEqual(['x86-64-v4', 'x86-64-v3']);
});
