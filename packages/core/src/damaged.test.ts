import { it } from 'vitest';
import { parseJson } from './json.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';
import { damage, damageText, fuzz, fuzzTimeout, jsonPieces } from './testing.ts';

it('refuses damaged safetensors', fuzzTimeout, async () => {
  const bytes = Buffer.concat(
    encodeSafetensors({
      metadata: { format: 'x', values: '{"a":1}' },
      tensors: {
        a: { dtype: 'F32', shape: [2, 3], data: new Float32Array(6).fill(0.5) },
        __proto__2: { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) },
        none: { dtype: 'I32', shape: [0], data: new Int32Array(0) },
      },
    }),
  );
  const length = Number(bytes.readBigUInt64LE());
  const header = bytes.toString('utf8', 8, 8 + length);
  const pieces = [...jsonPieces, '0', '24', '"none"', '__metadata__', '__proto__', '"F64"', '9007199254740993'];
  await fuzz('safetensors', (random) => {
    if (random.below(2)) return decodeSafetensors(damage(bytes, random), 'x.safetensors');
    // With a length that fits, so that what is behind it is tried.
    const text = damageText(header, random, pieces);
    const start = Buffer.alloc(8);
    start.writeBigUInt64LE(BigInt(text.length));
    return decodeSafetensors(Buffer.concat([start, text, bytes.subarray(8 + length)]), 'x.safetensors');
  });
});

it('refuses damaged JSON', fuzzTimeout, async () => {
  const text = JSON.stringify({ a: [1, 2, { b: null, c: 'd\\"e', f: '{"g":1}' }], h: { i: -1e-5, j: [[], {}] } });
  await fuzz('JSON', (random) =>
    parseJson(damageText(text, random, jsonPieces).toString(), { where: 'x.json', what: 'its text' }),
  );
});
