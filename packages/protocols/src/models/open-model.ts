import { stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { check, flagOf, ProtomemError, readOptions, type Settings } from '@protomem/core';
import type { EmbeddingModel, UnwatchedModel } from './embedding-model.ts';
import { embeddingWatch } from './embedding-watch.ts';
import { encoderModel } from './encoder-model.ts';
import { type ModelOptions, modelOptions } from './model-options.ts';
import { onnxModel } from './onnx-model.ts';
import { tfjsModel } from './tfjs-model.ts';

/**
 * Opens a run folder, an `encoder.safetensors`, an ONNX file, or a TensorFlow.js `model.json` (or its folder).
 *
 * @param options for ONNX and TensorFlow.js; an encoder of ours, which has its own card, takes none.
 * @returns a model that the caller disposes.
 * @throws ProtomemError that names the file and what is wrong in it
 *
 * @example
 * ```ts
 * const model = await openModel('w600k_r50.onnx', { bgr: true });
 * console.log(model.notes); // what it does with pixels
 * await model.dispose();
 * ```
 */
export async function openModel(path: string, options: ModelOptions = {}): Promise<EmbeddingModel> {
  const settings = readOptions('openModel', modelOptions, options);
  const file = await modelFile(path);
  const model = await openFile(file, settings);
  const watch = embeddingWatch(file);
  return {
    ...model,
    async embed(pixels, count, flip) {
      const values = await model.embed(pixels, count, flip);
      watch.see(values, model.embeddingSize);
      return values;
    },
    warnings: () => watch.warnings(),
  };
}

async function openFile(file: string, settings: Settings<typeof modelOptions>): Promise<UnwatchedModel> {
  const ending = extname(file).toLowerCase();
  if (ending === '.onnx') return onnxModel(file, settings);
  if (ending === '.json') return tfjsModel(file, settings);
  refuseModelOptions(file, settings, 'an encoder of ours, which knows its pixels and its size');
  return encoderModel(file);
}

/** Refuses options of third-party models where there is none. */
export function refuseModelOptions(file: string, { bgr, ...settings }: ModelOptions, what: string): void {
  const given = Object.entries({ ...settings, bgr: bgr || undefined }).find(([, value]) => value !== undefined);
  check(given === undefined, () => ({
    where: 'model',
    what: flagOf(given![0]),
    got: given![1],
    expected: `no option of third-party models: ${file} is ${what}`,
  }));
}

/** The file that a path stands for. */
async function modelFile(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  const candidates = found?.isDirectory() ? [join(path, 'encoder.safetensors'), join(path, 'model.json')] : [path];
  for (const file of candidates) if ((await stat(file).catch(() => undefined))?.isFile()) return file;
  const known = 'a finished run, encoder.safetensors, a .onnx file, or a TensorFlow.js model.json';
  throw new ProtomemError({
    where: 'model',
    what: path,
    got: found ? 'without encoder.safetensors or model.json' : 'missing',
    expected: known,
    ...(found ? { fix: 'A run has its encoder when it has ended: go on with --resume.' } : {}),
  });
}
