import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProtomemError } from '@protomem/core';
import { loadEngine } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { graphFiles, layersFiles, type TfjsFiles, writeTfjs } from '../../fixtures/tfjs-files.ts';
import type { ModelOptions } from './model-options.ts';
import { openModel } from './open-model.ts';

const [HEIGHT, WIDTH] = [2, 4];
const EACH = 3 * HEIGHT * WIDTH;
const pixels = Uint8Array.from({ length: 5 * EACH }, (_, i) => (37 * i) % 256);

// What a test does to a topology is beyond its types.
// biome-ignore lint/suspicious/noExplicitAny: any part of it may become anything
type Anything = any;

let dir: string;
let layers: TfjsFiles;
let folders = 0;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-tfjs-'));
  await loadEngine({});
  layers = await layersFiles(HEIGHT, WIDTH, 5);
});
afterAll(() => rm(dir, { recursive: true }));

const write = ({ json, weights }: { json: string | object; weights: Buffer }) =>
  writeTfjs(join(dir, String(folders++)), json, weights);

async function embed(files: TfjsFiles, options: ModelOptions = {}) {
  const model = await openModel(await write(files), options);
  const values = await model.embed(pixels, 5, false);
  await model.dispose();
  return { values, notes: model.notes, kind: model.kind };
}

/** `(pixel - 127.5) / 127.5`, flat, times the cosines that the fixture has for weights. */
function product(width: number, map: (pixel: number) => number = (pixel) => (pixel - 127.5) / 127.5): number[] {
  return Array.from({ length: 5 * width }, (_, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    let sum = 0;
    for (let k = 0; k < EACH; k++) sum += map(pixels[row * EACH + k]!) * Math.cos(k * width + column);
    return sum;
  });
}

function expectNear(found: Float32Array, wanted: readonly number[]): void {
  expect(found).toHaveLength(wanted.length);
  for (const [i, value] of wanted.entries()) expect(found[i]).toBeCloseTo(value, 3);
}

describe('models of TensorFlow.js', () => {
  it('runs a graph model, of any batch or a fixed one, of floats or integers', async () => {
    const before = tf.memory().numTensors;
    for (const batch of [-1, 1, 2, 5, 7]) {
      const { values, kind } = await embed(graphFiles([batch, HEIGHT, WIDTH, 3], { y: 4 }));
      expect(kind).toContain('graph model');
      expectNear(values, product(4));
    }
    const bytes = await embed(graphFiles([-1, HEIGHT, WIDTH, 3], { y: 4 }, 'DT_INT32'), { mean: 0, scale: 1 });
    expectNear(
      bytes.values.map((value) => value / 100),
      product(4, (pixel) => pixel / 100),
    );
    expect(tf.memory().numTensors).toBe(before);
  });

  it('chooses the embedding among several outputs as ONNX models do', async () => {
    const of = (outputs: Readonly<Record<string, number>>, options?: ModelOptions) =>
      embed(graphFiles([-1, HEIGHT, WIDTH, 3], outputs), options);
    const found = await of({ quality: 1, face: 4 });
    expectNear(found.values, product(4));
    expect(found.notes).toContain('output: face [N, 4], not quality');
    await expect(of({ a: 3, b: 4 })).rejects.toThrow('expected one embedding. Name the output');
    expectNear((await of({ a: 3, b: 4 }, { output: 'b' })).values, product(4));
    await expect(of({ a: 1 })).rejects.toThrow('expected one that is [1, width], width > 1');
  });

  it.each(['layers', 'graph'] as const)(
    'refuses weights that are too short or too long for a %s model',
    async (kind) => {
      const { json, weights } = kind === 'layers' ? layers : graphFiles([-1, HEIGHT, WIDTH, 3], { y: 4 });
      const before = tf.memory().numTensors;
      for (const length of [0, 4, weights.length - 4, weights.length - 1, weights.length + 1, weights.length + 4]) {
        const bytes = Buffer.concat([weights, Buffer.alloc(8)]).subarray(0, length);
        await expect(openModel(await write({ json, weights: bytes }))).rejects.toThrow(
          `the length of the weight files is ${length}, expected ${weights.length} bytes`,
        );
      }
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  it('names what is wrong in model.json, in one line, and leaves no tensor behind', async () => {
    const before = tf.memory().numTensors;
    const variables = Object.keys(tf.engine().registeredVariables).length;
    const graph = graphFiles([-1, HEIGHT, WIDTH, 3], { y: 4 });
    const changed = (files: TfjsFiles, change: (json: Anything) => unknown) => {
      const json = structuredClone(files.json);
      change(json);
      return write({ json, weights: files.weights });
    };
    const weight = (json: Anything) => json.weightsManifest[0].weights[0];
    const cases: readonly (readonly [TfjsFiles, (json: Anything) => unknown, string])[] = [
      [layers, (json) => (json.weightsManifest = [3]), 'weightsManifest[0] is "3", expected paths and weights'],
      [layers, (json) => (json.weightsManifest[0].paths = 'a.bin'), 'expected paths and weights'],
      [layers, (json) => json.weightsManifest[0].paths.push(7), 'a weight file is 7, expected a name'],
      [layers, (json) => (weight(json).shape = [1e200, 2]), 'expected a list of integers'],
      [layers, (json) => (weight(json).shape = [2 ** 40, 2 ** 40]), 'fewer values than a file can hold'],
      [layers, (json) => (weight(json).shape = [-1]), 'expected a list of integers'],
      [layers, (json) => (weight(json).dtype = '__proto__'), 'expected one of float32'],
      [layers, (json) => (weight(json).quantization = { dtype: 'uint8' }), 'the quantization of'],
      [layers, (json) => (json.weightsManifest[0].weights[1].name = weight(json).name), 'expected each name once'],
      [layers, (json) => (weight(json).name = 'other'), 'TensorFlow.js says: '],
      [layers, (json) => (json.modelTopology.class_name = 'Nothing'), 'TensorFlow.js says: '],
      [layers, (json) => (json.modelTopology.model_config = 3), 'TensorFlow.js says: '],
      [
        layers,
        (json) => (json.modelTopology.config.layers[2].config.units = 6),
        'model.json: modelTopology is "with weights of shape [16,6]"',
      ],
      [
        layers,
        (json) => (json.modelTopology.config.layers[0].config.batch_input_shape[1] = 1e9),
        'numbers of weightsManifest that are left',
      ],
      [graph, (json) => (json.modelTopology.node = 'none'), 'TensorFlow.js says: '],
      [graph, (json) => (json.modelTopology.node[3].op = 'NoSuchOp'), 'TensorFlow.js says: '],
      [graph, (json) => (json.modelTopology.node[3].input = ['rows', 'flat']), 'TensorFlow.js says: '],
      [graph, (json) => delete json.modelTopology.versions, 'TensorFlow.js says: '],
      [graph, (json) => (weight(json).dtype = 'float32'), 'TensorFlow.js says: '],
    ];
    for (const [files, change, message] of cases) {
      const error = await openModel(await changed(files, change)).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error, String(change)).toBeInstanceOf(ProtomemError);
      expect((error as Error).message).toContain(message);
      expect((error as Error).message).not.toMatch(/\n/);
    }
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const nested = JSON.stringify({ ...layers.json, modelTopology: {} }).replace(
      '"modelTopology":{}',
      `"modelTopology":{"a":${deep}}`,
    );
    await expect(openModel(await write({ json: nested, weights: layers.weights }))).rejects.toThrow(ProtomemError);
    expect(tf.memory().numTensors).toBe(before);
    expect(Object.keys(tf.engine().registeredVariables)).toHaveLength(variables);
  });
});
