import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EncoderName } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { livingEncoder } from '../fixtures/living-encoder.ts';
import { askConsumers, everyTarget } from './consumers.ts';

/** Prints a table of cosines: node --import tsx --conditions=@protomem/source ask-consumers.ts PYTHON ENCODER[:WIDTH] ... */
const [python = 'python3', ...names] = process.argv.slice(2);
await loadEngine({});
const opsets = [9, 13, 16, 18, 22].map((opset) => ({ to: 'onnx', opset }) as const);
for (const [i, one] of names.entries()) {
  const [name, width = '1'] = one.split(':');
  const encoder = livingEncoder(name as EncoderName, { width: Number(width) });
  const folder = await mkdtemp(join(tmpdir(), 'protomem-consumers-'));
  const targets = i === 0 ? [...everyTarget, ...opsets] : everyTarget;
  for (const { file, program, found } of await askConsumers(folder, python, [{ encoder, targets }])) {
    console.log(`| ${file} | ${program} | ${typeof found === 'number' ? found.toFixed(7) : found} |`);
  }
  encoder.dispose();
}
