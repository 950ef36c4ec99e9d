import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadEngine } from '@protomem/engine';
import { expect, it } from 'vitest';
import { livingEncoder } from '../fixtures/living-encoder.ts';
import { askConsumers, everyTarget, type Finding } from '../scripts/consumers.ts';

const python = process.env.PROTOMEM_PYTHON ?? 'python3';
const missing = ['numpy', 'onnx', 'onnxruntime', 'cv2'].filter(
  (name) => spawnSync(python, ['-c', `import ${name}`]).status !== 0,
);
if (missing.length > 0) console.log(`programs of others are not asked: ${python} has no ${missing.join(', ')}`);

/** What each does not take, by design. */
const refusals: readonly (readonly [file: RegExp, program: RegExp, words: RegExp])[] = [
  [/float16|int8/, /MFR/, /less than 4 bytes/],
  [/./, /PyTorch/, /left out: no module torch/],
];

it.skipIf(missing.length > 0)(
  'programs of others get our embeddings from our files',
  { timeout: 300_000 },
  async () => {
    await loadEngine({});
    const folder = await mkdtemp(join(tmpdir(), 'protomem-consumers-'));
    const targets = everyTarget.filter(({ to }) => to !== 'tfjs');
    const asked = (['mobile-face-net', 'iresnet18', 'iresnet18-se', 'ghost-face-net-s2', 'vit-tiny'] as const).map(
      (name) => ({
        encoder: livingEncoder(name, { embeddingSize: 32, width: 0.125 }),
        targets,
      }),
    );
    const found = await askConsumers(folder, python, asked);
    for (const { encoder } of asked) encoder.dispose();
    await rm(folder, { recursive: true });
    const wrong = found.filter((one) => !isRight(one));
    expect(wrong).toEqual([]);
    expect(found.filter(({ program }) => program.startsWith('OpenCV'))).toHaveLength(25);
  },
);

function isRight({ file, program, found }: Finding): boolean {
  // OpenCV hands over bytes: the plain variant is not for it.
  if (program.startsWith('OpenCV') && file.includes('outside')) return typeof found === 'number' && found < 0.999;
  // Without what all faces share, which is much of an untrained encoder's embedding: 16 and 8 bits show there.
  if (typeof found === 'number')
    return found >= (file.includes('int8') ? 0.7 : file.includes('float16') ? 0.99 : 0.9999);
  return (
    found === 'valid' || refusals.some(([of, by, words]) => of.test(file) && by.test(program) && words.test(found))
  );
}
