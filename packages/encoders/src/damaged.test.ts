import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeSafetensors } from '@protomem/core';
import { readSafetensors } from '@protomem/core/node';
import { damage, damageText, fuzz, fuzzTimeout, jsonPieces } from '@protomem/core/testing';
import { useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createEncoder } from './create-encoder.ts';
import { loadEncoder, saveEncoder } from './encoder-files.ts';

let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'protomem-encoders-'));
  await useEngine('cpu');
});
afterAll(() => rmSync(dir, { recursive: true }));

it('refuses damaged encoder files, and leaves no tensor behind', fuzzTimeout, async () => {
  const path = join(dir, 'a.safetensors');
  const encoder = createEncoder('mobile-face-net', { inputSize: 32, embeddingSize: 8, width: 0.125 });
  await saveEncoder(encoder, path);
  encoder.dispose();
  // Without checksums, which would find all damage before anything else does.
  const { tensors, metadata } = await readSafetensors(path);
  const bytes = Buffer.concat(encodeSafetensors({ tensors, metadata }));
  const length = Number(bytes.readBigUInt64LE());
  const header = bytes.toString('utf8', 8, 8 + length);
  const pieces = [...jsonPieces, '\\"', '\\"width\\":', '"0"', 'mobile', 'kernel'];
  const { numTensors } = tf.memory();
  await fuzz(
    'encoder file',
    async (random) => {
      const text = damageText(header, random, pieces);
      const start = Buffer.alloc(8);
      start.writeBigUInt64LE(BigInt(text.length));
      const behind = Buffer.concat([start, text, bytes.subarray(8 + length)]);
      writeFileSync(path, random.below(2) ? damage(bytes, random) : behind);
      (await loadEncoder(path)).dispose();
    },
    { share: 0.05 },
  );
  expect(tf.memory().numTensors).toBe(numTensors);
});
