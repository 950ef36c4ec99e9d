import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSafetensors, writeSafetensors } from '@protomem/core/node';
import { createEncoder, encoderFingerprint, saveEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flattening } from '../../fixtures/onnx-file.ts';
import { layersFiles, writeTfjs } from '../../fixtures/tfjs-files.ts';
import type { ModelOptions } from './model-options.ts';
import { openModel } from './open-model.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-fingerprint-'));
  await loadEngine({});
});
afterAll(() => rm(dir, { recursive: true }));

const fingerprint = async (path: string, options?: ModelOptions): Promise<string> => {
  const model = await openModel(path, options);
  await model.dispose();
  return model.fingerprint;
};

describe('the fingerprint of a model', () => {
  it('of an encoder of ours is its own, wherever it lies, whoever it says to be', async () => {
    const file = join(dir, 'encoder.safetensors');
    const encoder = createEncoder('mobile-face-net', { inputSize: 16, width: 0.125, embeddingSize: 8 });
    await saveEncoder(encoder, file);
    const found = await encoderFingerprint(encoder);
    encoder.dispose();
    expect(await fingerprint(file)).toBe(found);
    expect(await fingerprint(dir)).toBe(found);
    const { tensors, metadata } = await readSafetensors(file);
    const other = join(dir, 'other.safetensors');
    const card = metadata.card!.replace('mobile-face-net', 'renamed');
    await writeSafetensors(other, { tensors, metadata: { ...metadata, card } });
    expect(await fingerprint(other)).toBe(found);
  });

  it('of a foreign model is that of its files, and of how it gets its pixels', async () => {
    const file = join(dir, 'a.onnx');
    await writeFile(file, flattening(['N', 3, 2, 4]));
    const found = await fingerprint(file);
    await copyFile(file, join(dir, 'b.onnx'));
    expect(await fingerprint(join(dir, 'b.onnx'))).toBe(found);
    expect(await fingerprint(file, { bgr: true })).not.toBe(found);
    expect(await fingerprint(file, { mean: 100 })).not.toBe(found);
    await writeFile(file, flattening([1, 3, 2, 4]));
    expect(await fingerprint(file)).not.toBe(found);

    const { json, weights } = await layersFiles(16, 16, 4);
    const [one, two] = [
      await writeTfjs(join(dir, 'one'), json, weights),
      await writeTfjs(join(dir, 'two'), json, weights),
    ];
    expect(await fingerprint(two)).toBe(await fingerprint(one));
    const changed = Buffer.from(weights);
    changed[3]! ^= 1;
    const three = await writeTfjs(join(dir, 'three'), json, changed);
    expect(await fingerprint(three)).not.toBe(await fingerprint(one));
    await expect(fingerprint(join(dir, 'none.onnx'))).rejects.toThrow('none.onnx');
  });
});
