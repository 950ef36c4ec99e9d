import { check, joinBytes } from '@protomem/core';
import type { Encoder } from '@protomem/core/contracts';
import type { DefinedEncoder } from './define-encoder.ts';

/**
 * What tells an encoder from others: a hash of its weights, its options and how it gets its pixels. Two with the same one give the
 * same embeddings; so a gallery knows whose embeddings it holds. A file of `saveEncoder` has that of its encoder.
 *
 * @returns `sha256:` and 32 hexadecimal digits.
 * @throws ProtomemError on a page that came by plain http, where browsers do not hash.
 *
 * @example
 * ```ts
 * await encoderFingerprint(encoder); // sha256:5f0c...
 * ```
 */
export async function encoderFingerprint(encoder: Fingerprinted): Promise<string> {
  return `sha256:${(await sha256(identityOf(encoder))).slice(0, 32)}`;
}

type Fingerprinted = Encoder & Partial<Pick<DefinedEncoder, 'options'>>;

const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

async function* identityOf({ card, options, parameters }: Fingerprinted) {
  yield bytesOf([JSON.stringify(options ?? {}), card.inputSize, card.normalization]);
  for (const { name, variable } of parameters.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    yield bytesOf([name, 'F32', variable.shape]);
    const { buffer, byteOffset, byteLength } = await variable.data<'float32'>();
    yield new Uint8Array(buffer, byteOffset, byteLength);
  }
  // How a model of others would get its pixels (`openModel`): galleries that are there have it.
  yield bytesOf(['bgr', 'inputSize', 'mean', 'output', 'scale'].map((name) => [name, name === 'bgr' ? false : null]));
}

/** Node hashes piece by piece, browsers the whole alone. */
async function sha256(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const { process, crypto } = globalThis as {
    process?: NodeJS.Process;
    crypto?: { readonly subtle?: { digest(algorithm: string, bytes: Uint8Array): Promise<ArrayBuffer> } };
  };
  const hash = process?.getBuiltinModule?.('node:crypto').createHash('sha256');
  const all: Uint8Array[] = [];
  for await (const piece of pieces) hash ? hash.update(piece) : all.push(piece);
  if (hash) return hash.digest('hex');
  const subtle = crypto?.subtle;
  check(subtle !== undefined, () => ({
    where: 'encoderFingerprint',
    what: 'crypto.subtle',
    got: 'missing',
    expected: 'a page that came by https, or from this machine',
  }));
  const digest = new Uint8Array(await subtle.digest('SHA-256', joinBytes(all)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
