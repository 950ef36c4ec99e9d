import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isObject, ProtomemError, parseJson } from '@protomem/core';
import { systemReason } from '@protomem/core/node';
import type { io } from '@tensorflow/tfjs';
import { leavesFolder } from './beside-model.ts';

/** A model of TensorFlow.js as it lies on disk, its weights counted against its manifest. */
export interface TfjsArtifacts {
  readonly topology: object;
  readonly specs: io.WeightsManifestEntry[];
  readonly weights: ArrayBuffer;
  /** All of `model.json`. */
  readonly json: io.ModelJSON;
  readonly graph: boolean;
}

const sizes: Readonly<Record<string, number>> = { float32: 4, int32: 4, bool: 1, complex64: 8 };
const quantizedSizes: Readonly<Record<string, number>> = { uint8: 1, uint16: 2, float16: 2 };

/**
 * Reads `model.json` and the weight files that it names, which lie beside it. Every weight is checked before one is made:
 * its name, its type, its shape, and that all of them together are as long as the files.
 *
 * @throws ProtomemError that names the file, what was found there and what was expected
 */
export async function readTfjsArtifacts(file: string): Promise<TfjsArtifacts> {
  const refuse = (what: string, got: unknown, expected: string, cause?: unknown): never => {
    throw new ProtomemError({ where: file, what, got, expected }, { cause });
  };
  const text = await readFile(file, 'utf8').catch((error: Error) =>
    refuse('the model', systemReason(error), 'a file', error),
  );
  const json = parseJson(text, { where: file, what: 'the model', expected: 'the model.json of TensorFlow.js' });
  if (!isObject(json)) return refuse('the model', show(json), 'the model.json of TensorFlow.js');
  const { modelTopology: topology, weightsManifest: manifest } = json;
  if (!isObject(topology) || !Array.isArray(manifest)) {
    return refuse('the model', Object.keys(json).join(), 'modelTopology and weightsManifest');
  }
  const paths: string[] = [];
  const specs: io.WeightsManifestEntry[] = [];
  for (const [i, group] of manifest.entries()) {
    const { paths: some, weights } = isObject(group) ? group : {};
    if (!Array.isArray(some) || !Array.isArray(weights)) {
      return refuse(`weightsManifest[${i}]`, show(group), 'paths and weights, a list each');
    }
    for (const path of some) {
      if (typeof path !== 'string' || path === '' || leavesFolder(path)) {
        return refuse('a weight file', path, 'a name beside the model');
      }
      paths.push(path);
    }
    for (const weight of weights) specs.push(checkedSpec(weight, refuse));
  }
  const names = new Set<string>();
  for (const { name } of specs) {
    if (names.has(name)) return refuse('a weight', name, 'each name once');
    names.add(name);
  }
  const parts = await Promise.all(
    paths.map((path) =>
      readFile(join(dirname(file), path)).catch((error: Error) =>
        refuse(path, systemReason(error), 'weights beside the model', error),
      ),
    ),
  );
  const all = Buffer.concat(parts);
  const wanted = byteLengthOf(specs, all, refuse);
  if (wanted !== all.length) {
    return refuse(
      'the length of the weight files',
      all.length,
      `${wanted} bytes, which the ${specs.length} weights of weightsManifest take`,
    );
  }
  const weights = all.buffer.slice(all.byteOffset, all.byteOffset + all.byteLength) as ArrayBuffer;
  const graph = json.format === 'graph-model' || 'node' in topology;
  return { topology, specs, weights, json: json as unknown as io.ModelJSON, graph };
}

type Refuse = (what: string, got: unknown, expected: string) => never;

function checkedSpec(weight: unknown, refuse: Refuse): io.WeightsManifestEntry {
  if (!isObject(weight) || typeof weight.name !== 'string' || weight.name === '') {
    return refuse('a weight', show(weight), 'an object with a name');
  }
  const { name, shape, dtype, quantization } = weight;
  const whole = (side: unknown): boolean => Number.isSafeInteger(side) && (side as number) >= 0;
  if (!Array.isArray(shape) || !shape.every(whole))
    return refuse(`the shape of ${name}`, shape, 'a list of integers >= 0');
  if (!Number.isSafeInteger(shape.reduce((product: number, side: number) => product * side, 1))) {
    return refuse(`the shape of ${name}`, shape, 'fewer values than a file can hold');
  }
  if (typeof dtype !== 'string' || !(Object.hasOwn(sizes, dtype) || dtype === 'string')) {
    return refuse(`the dtype of ${name}`, dtype, `one of ${Object.keys(sizes).join(', ')}, string`);
  }
  if (quantization === undefined) return weight as unknown as io.WeightsManifestEntry;
  const known = isObject(quantization) && Object.hasOwn(quantizedSizes, String(quantization.dtype));
  const { dtype: type, min, scale } = isObject(quantization) ? quantization : {};
  const numbers = type === 'float16' || (Number.isFinite(min) && Number.isFinite(scale));
  const from = dtype === 'float32' || (dtype === 'int32' && type !== 'float16');
  if (!known || !numbers || !from) {
    return refuse(`the quantization of ${name}`, quantization, 'float16, or uint8 or uint16 with min and scale');
  }
  return weight as unknown as io.WeightsManifestEntry;
}

/** Bytes that all weights take; words carry their length. */
function byteLengthOf(specs: readonly io.WeightsManifestEntry[], bytes: Buffer, refuse: Refuse): number {
  let at = 0;
  for (const { name, shape, dtype, quantization } of specs) {
    const count = shape.reduce((product, side) => product * side, 1);
    if (dtype !== 'string') {
      at += count * (quantization ? quantizedSizes[quantization.dtype]! : sizes[dtype]!);
      continue;
    }
    for (let i = 0; i < count; i++) {
      if (at + 4 > bytes.length) return refuse(`the words of ${name}`, `${i} before the files end`, `${count}`);
      at += 4 + bytes.readUInt32LE(at);
    }
  }
  return at;
}

const show = (value: unknown): string => `${JSON.stringify(value)}`.slice(0, 100);
