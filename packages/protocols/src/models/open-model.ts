import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { check, ProtomemError } from '@protomem/core';
import type { EmbeddingModel, PixelScale } from './embedding-model.ts';
import { encoderModel } from './encoder-model.ts';
import { onnxModel } from './onnx-model.ts';
import { tfjsModel } from './tfjs-model.ts';

/**
 * Opens a run folder, an `encoder.safetensors`, an ONNX file, or a TensorFlow.js `model.json` (or its folder).
 *
 * @param scale for ONNX and TensorFlow.js. Default `(x - 127.5) / 127.5`, InsightFace's.
 * @returns a model that the caller disposes.
 */
export async function openModel(path: string, scale: Partial<PixelScale> = {}): Promise<EmbeddingModel> {
  const pixels = { mean: scale.mean ?? 127.5, scale: scale.scale ?? 127.5 };
  check(Number.isFinite(pixels.mean) && pixels.scale > 0, () => ({
    where: 'evaluate',
    what: '--mean and --scale',
    got: `${pixels.mean} and ${pixels.scale}`,
    expected: 'a number, and one above 0',
  }));
  const file = await modelFile(path);
  if (file.endsWith('.onnx')) return onnxModel(file, pixels);
  if (file.endsWith('.json')) return tfjsModel(file, pixels);
  return encoderModel(file);
}

/** The file that a path stands for. */
async function modelFile(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  const candidates = found?.isDirectory() ? [join(path, 'encoder.safetensors'), join(path, 'model.json')] : [path];
  for (const file of candidates) if ((await stat(file).catch(() => undefined))?.isFile()) return file;
  const known = 'a finished run, encoder.safetensors, a .onnx file, or a TensorFlow.js model.json';
  throw new ProtomemError({
    where: 'evaluate',
    what: path,
    got: found ? 'without encoder.safetensors or model.json' : 'missing',
    expected: known,
    ...(found ? { fix: 'A run has its encoder when it has ended: go on with --resume.' } : {}),
  });
}
