import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEncoder, encoderFingerprint, saveEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { type EncodeOptions, encodeModel } from '@protomem/export';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundlePage } from './fixtures/browser/bundle-page.ts';
import { chromium, openPage } from './fixtures/browser/chromium.ts';
import { sha256 } from './fixtures/browser/verdict.ts';

describe.skipIf(!chromium)(`a gallery and exports on a page${chromium ? '' : ' (no Chromium here)'}`, () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'protomem-people-'));
    await loadEngine({ prefer: 'wasm' });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('knows people after it was loaded again, and gives the encoder as Node does', async () => {
    await bundlePage(folder, join(import.meta.dirname, 'fixtures/browser/people.ts'));
    const { found, error } = await openPage(folder, 'people.html?engine=wasm');
    expect(error).toBeUndefined();
    const { said, onnx } = found as { said: string[]; onnx: string };
    const known = (person: number) =>
      expect.stringMatching(`^person-${person} comes: person-${person} is most alike, 0\\.[89]\\d\\d\\.$`);
    expect(said).toEqual([
      'wasm: 4 people are known.',
      ...[0, 1, 2, 3].map(known),
      expect.stringMatching(/^person-4 comes: person-\d is most alike, 0\.[567]\d\d\.$/),
      expect.stringMatching(/^face\.onnx, \d{6} bytes, is among your downloads\.$/),
    ]);
    const encoder = createEncoder('mobile-face-net', { inputSize: 48, embeddingSize: 64, width: 0.25, seed: 1 });
    const { 'model.onnx': bytes } = await encodeModel(encoder, { to: 'onnx' });
    expect(onnx).toBe(await sha256(bytes!));
    encoder.dispose();
  });

  it('makes the bytes that Node makes, whatever the format', async () => {
    await bundlePage(folder, join(import.meta.dirname, 'fixtures/browser/encode.ts'));
    const options: EncodeOptions[] = [
      { to: 'onnx', licence: 'MIT' },
      { to: 'onnx', normalize: 'outside', flip: true, precision: 'float16', opset: 18 },
      { to: 'tfjs', flip: true },
      { to: 'tfjs', precision: 'float16' },
      { to: 'safetensors' },
      { to: 'safetensors', precision: 'float16' },
    ];
    const names = ['mobile-face-net', 'iresnet18'] as const;
    const expected: Record<string, string[]> = {};
    for (const name of names) {
      const encoder = createEncoder(name, { inputSize: 16, embeddingSize: 8, width: 0.125, seed: 3 });
      // Norms that have seen images.
      tf.tidy(() => encoder.apply(tf.randomUniform([4, 16, 16, 3], 0, 255, 'float32', 5), { training: true }));
      await saveEncoder(encoder, join(folder, `${name}.safetensors`));
      const made = [await encoderFingerprint(encoder)];
      for (const one of options) {
        for (const [file, bytes] of Object.entries(await encodeModel(encoder, one))) {
          made.push(`${JSON.stringify(one)} ${file} ${await sha256(bytes)}`);
        }
      }
      expected[name] = made;
      encoder.dispose();
    }
    const query = new URLSearchParams({ engine: 'wasm', names: names.join(), options: JSON.stringify(options) });
    const { found, error } = await openPage(folder, `encode.html?${query}`);
    expect(error).toBeUndefined();
    expect(found).toEqual(expected);
  });
});
