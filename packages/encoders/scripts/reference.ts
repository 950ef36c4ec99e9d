/**
 * Writes `fixtures/reference.json`: what PyTorch computes with the weights of the reference cases.
 *
 *   npx tsx -C @protomem/source scripts/reference.ts [python]
 *
 * The Python needs torch, numpy and safetensors.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeSafetensors } from '@protomem/core';
import { writeFileAtomic } from '@protomem/core/node';
import { referenceBatch, referenceCases, referenceImages, referenceValues } from '../fixtures/reference-cases.ts';
import { encoders } from '../src/create-encoder.ts';
import { saveEncoder } from '../src/encoder-files.ts';

const python = process.argv[2] ?? 'python3';
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'encoder-reference-'));
try {
  for (const [i, { name, options }] of referenceCases.entries()) {
    const encoder = encoders[name](options, referenceValues());
    const [height, width] = encoder.card.inputSize;
    await saveEncoder(encoder, join(folder, `${i}.safetensors`));
    const data = referenceImages([height, width]);
    const images = { dtype: 'U8', shape: [referenceBatch, height, width, 3], data } as const;
    await writeFileAtomic(
      join(folder, `${i}-images.safetensors`),
      ...encodeSafetensors({ tensors: { images }, metadata: {} }),
    );
    encoder.dispose();
  }
  const output = here('../fixtures/reference.json');
  execFileSync(python, [here('reference.py'), folder, output], { stdio: 'inherit' });
} finally {
  await rm(folder, { recursive: true });
}
