import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isObject, parseJson, readOptions } from '@protomem/core';
import { readSafetensors } from '@protomem/core/node';
import { type ModelOptions, modelOptions } from './model-options.ts';
import { readOnnxGraph } from './onnx-graph.ts';
import { modelFile } from './open-model.ts';
import { readTfjsArtifacts } from './tfjs-artifacts.ts';

/**
 * What tells a model from others: a hash of its weights, and of how it gets its pixels. Two with the same one give the same
 * embeddings; what an encoder of ours says beside, such as who trained it, does not count.
 *
 * @param path whatever `openModel` opens.
 * @param options as `openModel` gets them.
 * @returns `sha256:` and 32 hexadecimal digits.
 *
 * @example
 * ```ts
 * await modelFingerprint('runs/lfw'); // sha256:5f0c...
 * ```
 */
export async function modelFingerprint(path: string, options: ModelOptions = {}): Promise<string> {
  const settings = readOptions('modelFingerprint', modelOptions, options);
  const file = await modelFile(path);
  const hash = createHash('sha256');
  if (file.endsWith('.json')) {
    const { topology, specs, weights } = await readTfjsArtifacts(file);
    hash.update(JSON.stringify([topology, specs])).update(new Uint8Array(weights));
  } else if (file.endsWith('.onnx')) {
    const outside = readOnnxGraph(file, await readFile(file)).externalFiles;
    for (const one of [file, ...Array.from(outside.keys(), (name) => join(dirname(file), name))]) {
      for await (const piece of createReadStream(one)) hash.update(piece as Buffer);
    }
  } else {
    const { tensors, metadata } = await readSafetensors(file);
    const card = parseJson(metadata.card ?? '{}', { where: file, what: 'metadata "card"' });
    const { inputSize, normalization } = isObject(card) ? card : {};
    hash.update(JSON.stringify([metadata.options, inputSize, normalization]));
    for (const [name, { dtype, shape, data }] of Object.entries(tensors).sort(([a], [b]) => (a < b ? -1 : 1))) {
      hash.update(JSON.stringify([name, dtype, shape]));
      hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  }
  hash.update(JSON.stringify(Object.entries(settings).sort()));
  return `sha256:${hash.digest('hex').slice(0, 32)}`;
}
