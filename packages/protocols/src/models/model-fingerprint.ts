import { createHash } from 'node:crypto';
import type { Settings } from '@protomem/core';
import type { modelOptions } from './model-options.ts';

/**
 * What tells a model of others from others: a hash of its files, and of how it gets its pixels.
 *
 * @returns `sha256:` and 32 hexadecimal digits, as `encoderFingerprint` of `@protomem/encoders` does.
 */
export function modelFingerprint(
  contents: readonly (string | Uint8Array)[],
  settings: Settings<typeof modelOptions>,
): string {
  const hash = createHash('sha256');
  for (const piece of contents) hash.update(piece);
  hash.update(JSON.stringify(Object.entries(settings).sort()));
  return `sha256:${hash.digest('hex').slice(0, 32)}`;
}
