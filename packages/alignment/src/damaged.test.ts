import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { damage, damageText, fuzz, fuzzTimeout, jsonPieces } from '@protomem/core/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseLandmarks } from './landmarks-file.ts';
import { type AlignmentRecord, readRecords } from './record.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'protomem-alignment-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

const points = '[[30.1,40.2],[60.3,40.1],[45,58.8],[33.2,75.1],[58,74.8]]';
const files = [
  ['a.csv', 'file,x\nAda/1.jpg,30.1,40.2,60.3,40.1,45.0,58.8,33.2,75.1,58.0,74.8\n'],
  ['a.tsv', 'Ada/1.jpg\t30.1\t40.2\t60.3\t40.1\t45.0\t58.8\t33.2\t75.1\t58.0\t74.8\n'],
  ['a.json', `{"Ada/1.jpg":[${points}],"Bo.jpg":[]}`],
  ['a.jsonl', `{"file":"Ada/1.jpg","landmarks":${points}}\n{"file":"b"}\n`],
] as const;
const pieces = [...jsonPieces, '\t', '\n', 'NaN', 'Infinity', '0x1'];

it.each(files)('refuses damaged landmarks, %s', fuzzTimeout, async (name, text) => {
  await fuzz(`landmarks: ${name.slice(1)}`, (random) => {
    const bytes = random.below(2) ? damage(Buffer.from(text), random) : damageText(text, random, pieces);
    return parseLandmarks(bytes.toString(), name);
  });
});

const settings = { size: 112, format: 'jpg', prefer: 'largest', none: 'skip', detector: 'x' };

it('refuses damaged records of an alignment', fuzzTimeout, async () => {
  const path = join(dir, 'alignment.jsonl');
  const text = `${JSON.stringify({ settings })}\n{"file":"a.jpg","outcome":"aligned","output":"a.jpg","faces":1}\n{"file":"b.jpg","outcome":"unreadable"}\n`;
  await fuzz(
    'alignment.jsonl',
    (random) => {
      writeFileSync(path, damageText(text, random, pieces));
      return readRecords(path, settings, (record: AlignmentRecord) => expect(record).toBeTypeOf('object'));
    },
    { share: 0.5 },
  );
});

it('refuses a record whose line never ends, before it fills the memory', async () => {
  const path = join(dir, 'long.jsonl');
  writeFileSync(path, `${JSON.stringify({ settings })}\n${'['.repeat(3 * 2 ** 20)}`);
  await expect(readRecords(path, settings, () => undefined)).rejects.toThrow('longer than 1048576 bytes');
});
