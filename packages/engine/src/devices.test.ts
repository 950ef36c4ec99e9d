import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { gpus, processor } from './devices.ts';

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
