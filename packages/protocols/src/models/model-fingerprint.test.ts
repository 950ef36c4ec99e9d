import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSafetensors, writeSafetensors } from '@protomem/core/node';
import { createEncoder, saveEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flattening } from '../../fixtures/onnx-file.ts';
import { layersFiles, writeTfjs } from '../../fixtures/tfjs-files.ts';
import { modelFingerprint } from './model-fingerprint.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-fingerprint-'));
  await loadEngine({});
});
afterAll(() => rm(dir, { recursive: true }));

describe('modelFingerprint', () => {
  it('of an encoder of ours is that of its weights, whoever it says to be', async () => {
    const file = join(dir, 'encoder.safetensors');
    const encoder = createEncoder('mobile-face-net', { inputSize: 16, width: 0.125, embeddingSize: 8 });
    await saveEncoder(encoder, file);
    encoder.dispose();
    const found = await modelFingerprint(file);
    expect(found).toMatch(/^sha256:[0-9a-f]{32}$/);
    expect(await modelFingerprint(dir)).toBe(found);
    const { tensors, metadata } = await readSafetensors(file);
    const other = join(dir, 'other.safetensors');
    await writeSafetensors(other, { tensors, metadata: { ...metadata, name: 'renamed' } });
    expect(await modelFingerprint(other)).toBe(found);
    const [name, tensor] = Object.entries(tensors)[0]!;
    const data = tensor.data.slice() as Float32Array;
    data[0]! += 1e-6;
    await writeSafetensors(other, { tensors: { ...tensors, [name]: { ...tensor, data } }, metadata } as never);
    expect(await modelFingerprint(other)).not.toBe(found);
    const scaled = metadata.card!.replace(/"mean":[\d.]+/, '"mean":1');
    expect(scaled).not.toBe(metadata.card);
    await writeSafetensors(other, { tensors, metadata: { ...metadata, card: scaled } });
    expect(await modelFingerprint(other)).not.toBe(found);
  });

  it('of a foreign model is that of its files, and of how it gets its pixels', async () => {
    const file = join(dir, 'a.onnx');
    await writeFile(file, flattening(['N', 3, 2, 4]));
    const found = await modelFingerprint(file);
    await copyFile(file, join(dir, 'b.onnx'));
    expect(await modelFingerprint(join(dir, 'b.onnx'))).toBe(found);
    expect(await modelFingerprint(file, { bgr: true })).not.toBe(found);
    expect(await modelFingerprint(file, { mean: 100 })).not.toBe(found);
    await writeFile(file, flattening([1, 3, 2, 4]));
    expect(await modelFingerprint(file)).not.toBe(found);

    const { json, weights } = await layersFiles(16, 16, 4);
    const [one, two] = [
      await writeTfjs(join(dir, 'one'), json, weights),
      await writeTfjs(join(dir, 'two'), json, weights),
    ];
    expect(await modelFingerprint(two)).toBe(await modelFingerprint(one));
    const changed = Buffer.from(weights);
    changed[3]! ^= 1;
    const three = await writeTfjs(join(dir, 'three'), json, changed);
    expect(await modelFingerprint(three)).not.toBe(await modelFingerprint(one));
    await expect(modelFingerprint(join(dir, 'none.onnx'))).rejects.toThrow('none.onnx');
  });
});
