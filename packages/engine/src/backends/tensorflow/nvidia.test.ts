import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { processor } from '../../processor.ts';
import { driverVersion, gpus, older, oldestDriver } from './nvidia.ts';

it('reads GPU models from what the driver shows', () => {
  const driver = mkdtempSync(join(tmpdir(), 'protomem-gpus-'));
  for (const [slot, text] of Object.entries({
    '0000:01:00.0': 'Model: \t\t NVIDIA H100\nIRQ: 5\n',
    '0000:02:00.0': '',
  })) {
    mkdirSync(join(driver, slot));
    writeFileSync(join(driver, slot, 'information'), text);
  }
  expect(gpus(driver).sort()).toEqual(['0000:02:00.0', 'NVIDIA H100']);
  rmSync(driver, { recursive: true });
});

it('names the processor', () => {
  expect(processor()).not.toBe('');
});

it("reads the driver's version", () => {
  const dir = mkdtempSync(join(tmpdir(), 'protomem-driver-'));
  const file = join(dir, 'version');
  const versions = [
    ['NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.161.03  Wed Oct 19\nGCC version:', '470.161.03'],
    ['NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build', '570.86.15'],
    ['something else', undefined],
  ] as const;
  for (const [text, version] of versions) {
    writeFileSync(file, text);
    expect(driverVersion(file)).toBe(version);
  }
  rmSync(dir, { recursive: true });
  expect(driverVersion(file)).toBeUndefined();
});

it.each([
  ['470.161.03', true],
  ['525.60', true],
  ['525.60.13', false],
  ['1000.1', false],
])('tells whether driver %s is too old: %s', (version, tooOld) => {
  expect(older(version, oldestDriver)).toBe(tooOld);
});
