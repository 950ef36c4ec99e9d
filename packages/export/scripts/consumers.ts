import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DefinedEncoder, type EncoderName, encoders, saveEncoder } from '@protomem/encoders';
import { openModel } from '@protomem/protocols';
import { facesOf } from '../src/faces.ts';
import { type ExportOptions, exportEncoder } from '../src/index.ts';

/** Exports encoders to each target, and asks programs of others what they make of the files; see consumers.py. */

/** What one program made of one file. */
export interface Finding {
  readonly file: string;
  readonly program: string;
  /** The lowest cosine, or why there is none. */
  readonly found: number | string;
}

export const everyTarget: readonly ExportOptions[] = [
  { to: 'onnx' },
  { to: 'onnx', normalize: 'outside' },
  { to: 'onnx', flip: true },
  { to: 'onnx', precision: 'float16' },
  { to: 'onnx', precision: 'int8', calibration: 64 },
  { to: 'tfjs' },
  { to: 'tfjs', normalize: 'outside' },
  { to: 'tfjs', precision: 'float16' },
  { to: 'safetensors' },
  { to: 'safetensors', precision: 'float16' },
];

/**
 * @param python a Python with some of onnx, onnxruntime, opencv-python-headless and torch; what it lacks is said.
 * @returns what was found, our own check first
 */
export async function askConsumers(
  folder: string,
  python: string,
  asked: readonly { readonly encoder: DefinedEncoder; readonly targets: readonly ExportOptions[] }[],
): Promise<Finding[]> {
  await mkdir(folder, { recursive: true });
  const findings: Finding[] = [];
  const cases = [];
  for (const { encoder, targets } of asked) {
    const { name, inputSize, embeddingSize, normalization } = encoder.card;
    const size = inputSize[0];
    const saved = join(folder, `${name}.encoder`);
    await saveEncoder(encoder, saved);
    let faces = new Uint8Array();
    for await (const { pixels } of facesOf(undefined, { images: FACES, size: inputSize, batch: FACES }))
      faces = Uint8Array.from(pixels);
    await writeFile(join(folder, `faces-${size}.u8`), faces);
    const model = await openModel(saved);
    for (const options of targets) {
      const { to, normalize = 'inside', flip = false, precision = 'float32', opset = '' } = options;
      const file =
        [name, to, normalize, flip ? 'flip' : '', precision, opset].filter(Boolean).join('-') +
        { onnx: '.onnx', tfjs: '', safetensors: '.safetensors' }[to];
      const { agreement } = await exportEncoder(saved, join(folder, file), options);
      findings.push({ file, program: `protomem by ${agreement.by}`, found: agreement.lowest });
      await writeFile(
        join(folder, `${file}.f32`),
        new Uint8Array((await model.embed(faces, FACES, flip)).slice().buffer),
      );
      const pixels = [normalization.mean, normalization.std];
      const key = Object.entries(encoders).find(([, { family }]) => family === name)![0] as EncoderName;
      cases.push({
        file,
        target: to,
        normalize,
        encoder: key,
        size,
        width: encoder.options.width,
        embedding: embeddingSize,
        pixels,
      });
    }
    await model.dispose();
  }
  await writeFile(join(folder, 'cases.json'), JSON.stringify(cases));
  const script = fileURLToPath(new URL('consumers.py', import.meta.url));
  const { stdout, stderr, status } = spawnSync(python, [script, folder], { encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(stderr);
  return [...findings, ...(JSON.parse(stdout.trim().split('\n').at(-1)!) as Finding[])];
}

const FACES = 6;
