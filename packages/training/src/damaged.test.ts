import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeSafetensors } from '@protomem/core';
import { readSafetensors } from '@protomem/core/node';
import { damage, damageText, fuzz, fuzzTimeout, jsonPieces } from '@protomem/core/testing';
import { afterAll, beforeAll, it } from 'vitest';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { readRunLog } from './read-log.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'protomem-training-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

it('refuses damaged logs of a run', fuzzTimeout, async () => {
  const path = join(dir, 'log.jsonl');
  const text =
    '{"step":1,"time":17.5,"train/loss":3.2,"speed/step_seconds":0.5}\n{"step":2,"time":18,"evaluation/accuracy":0.5}\n';
  await fuzz(
    'run log',
    (random) => {
      writeFileSync(path, damageText(text, random, [...jsonPieces, '}\n', '"train/loss"', '"step"']));
      return readRunLog(path);
    },
    { share: 0.5 },
  );
});

it('refuses damaged checkpoints', fuzzTimeout, async () => {
  const parts = {
    encoder: { values: {}, tensors: { w: { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) } } },
    trainer: { values: { step: 3, random: [1, 2, 3, 4] }, tensors: {} },
  } as const;
  const path = await writeCheckpoint(dir, { step: 3, recipe: { loss: { name: 'cos-face' } }, parts });
  // Without checksums, which would find all damage before anything else does.
  const { tensors, metadata } = await readSafetensors(path);
  const bytes = Buffer.concat(encodeSafetensors({ tensors, metadata }));
  const length = Number(bytes.readBigUInt64LE());
  const header = bytes.toString('utf8', 8, 8 + length);
  const pieces = [...jsonPieces, '\\"', '\\"step\\":', '"step":"x"', '{}', '"1"'];
  await fuzz(
    'checkpoint',
    (random) => {
      const text = damageText(header, random, pieces);
      const start = Buffer.alloc(8);
      start.writeBigUInt64LE(BigInt(text.length));
      const behind = Buffer.concat([start, text, bytes.subarray(8 + length)]);
      writeFileSync(path, random.below(2) ? damage(bytes, random) : behind);
      return readCheckpoint(path);
    },
    { share: 0.5 },
  );
});
