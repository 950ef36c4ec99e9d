import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { damageText, fuzz, fuzzTimeout, jsonPieces } from '@protomem/core/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LogTail } from './log-tail.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'protomem-tail-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

it('passes over damaged lines of a log that grows', fuzzTimeout, async () => {
  const path = join(dir, 'log.jsonl');
  const text = '{"step":1,"train/loss":3.2}\n5\nnull\n[]\n{"step":2,"evaluation/accuracy":0.5}\n';
  await fuzz(
    'run log, live',
    async (random) => {
      writeFileSync(path, damageText(text, random, jsonPieces));
      const tail = new LogTail(path);
      await tail.read();
      expect(tail.steps.length + tail.evaluations.length).toBeLessThan(4);
    },
    { share: 0.25, refused: [-1, 1] },
  );
});
