import { ProtomemError } from '@protomem/core';
import { loadEngine } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createEncoder } from './create-encoder.ts';
import type { DefinedEncoder } from './define-encoder.ts';
import { encoderFingerprint } from './encoder-fingerprint.ts';

beforeAll(() => loadEngine({ prefer: 'cpu' }));
afterEach(() => vi.unstubAllGlobals());

/** With weights that are the same on every machine. */
function made(options = {}): DefinedEncoder {
  const size = { inputSize: 16, width: 0.125, embeddingSize: 8 };
  const encoder = createEncoder('mobile-face-net', { ...size, ...options });
  for (const { variable } of encoder.parameters) {
    const values = Float32Array.from({ length: variable.size }, (_, i) => (i % 64) / 64);
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
  }
  return encoder;
}
const GOLDEN = 'sha256:2f1160f3bff0ca5441e1bd9d7b4c376f';

describe('encoderFingerprint', () => {
  it('is what galleries have kept since they are, also where only a page can hash', async () => {
    const encoder = made();
    expect(await encoderFingerprint(encoder)).toBe(GOLDEN);
    vi.stubGlobal('process', Object.create(process, { getBuiltinModule: { value: undefined } }));
    expect(await encoderFingerprint(encoder)).toBe(GOLDEN);
    vi.stubGlobal('crypto', {});
    const refused = await encoderFingerprint(encoder).catch((error: Error) => error);
    vi.unstubAllGlobals();
    expect(refused).toBeInstanceOf(ProtomemError);
    expect((refused as Error).message).toContain('crypto.subtle is "missing", expected a page that came by https');
    encoder.dispose();
  });

  it('is another one where a weight, an option or the pixels are', async () => {
    const encoder = made();
    const { card } = encoder;
    const darker = { ...card, normalization: { ...card.normalization, mean: 1 } };
    const others = [{ ...encoder, card: darker }, made({ embeddingSize: 16 }), made({ inputSize: 32 }), made()];
    const { variable } = others[3]!.parameters[0]!;
    tf.tidy(() => variable.assign(tf.add(variable, 1e-6)));
    const found = await Promise.all(others.map((one) => encoderFingerprint(one)));
    expect(new Set([GOLDEN, ...found]).size).toBe(5);
    for (const one of others.slice(1)) one.dispose();
    encoder.dispose();
  });
});
