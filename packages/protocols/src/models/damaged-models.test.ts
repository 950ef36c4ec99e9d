import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Random } from '@protomem/core';
import { damage, damageText, fuzz, fuzzTimeout, jsonPieces } from '@protomem/core/testing';
import { loadEngine } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { damagedJson } from '../../fixtures/damaged-json.ts';
import { flattening, onnxFile } from '../../fixtures/onnx-file.ts';
import { graphFiles, layersFiles, writeTfjs } from '../../fixtures/tfjs-files.ts';
import { inputNormalization } from './input-normalization.ts';
import { readOnnxGraph } from './onnx-graph.ts';
import { openModel } from './open-model.ts';

const [HEIGHT, WIDTH] = [2, 4];
const pixels = Uint8Array.from({ length: 3 * HEIGHT * WIDTH }, (_, i) => (37 * i) % 256);
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-damaged-'));
  await loadEngine({});
});
afterAll(() => rm(dir, { recursive: true }));

/** Opens a model and, if it still takes our pixels, embeds an image. */
async function tryModel(path: string): Promise<void> {
  const model = await openModel(path);
  try {
    if (model.inputSize[0] === HEIGHT && model.inputSize[1] === WIDTH) await model.embed(pixels, 1, true);
  } finally {
    await model.dispose();
  }
}

describe('models', () => {
  const input = ['n', 3, HEIGHT, WIDTH] as const;
  const external = onnxFile({
    nodes: [{ opType: 'MatMul', input: ['x', 'W'], output: ['y'] }],
    weights: [{ name: 'W', dims: [2, 2], values: [], external: { location: 'W.data', offset: 0, length: 16 } }],
    input: [...input],
    outputs: { y: ['n', 2] },
  });
  const normalising = flattening(input, [
    ['Sub', [127.5]],
    ['Mul', [0.01]],
  ]);

  it('reads damaged ONNX graphs, or refuses them by name', fuzzTimeout, async () => {
    await fuzz('ONNX graph', (random, i) => {
      const graph = readOnnxGraph('model.onnx', damage(i % 2 === 0 ? normalising : external, random));
      inputNormalization(graph, 'x');
      for (const { input } of graph.nodes) for (const name of input) graph.constant(name, 3);
    });
  });

  it('runs damaged ONNX models, or refuses them by name', fuzzTimeout, async () => {
    const file = join(dir, 'model.onnx');
    const attempt = async (random: Random) => {
      await writeFile(file, damage(normalising, random));
      await tryModel(file);
    };
    await fuzz('ONNX model, run', attempt, { share: 0.02 });
  });

  it.each(['layers', 'graph'] as const)(
    'runs damaged %s models of TensorFlow.js, or refuses them and leaves no tensor',
    fuzzTimeout,
    async (kind) => {
      const { json, weights } =
        kind === 'layers' ? await layersFiles(HEIGHT, WIDTH, 4) : graphFiles([-1, HEIGHT, WIDTH, 3], { y: 4 });
      const text = JSON.stringify(json);
      const [tensors, variables] = [tf.memory().numTensors, Object.keys(tf.engine().registeredVariables).length];
      const attempt = async (random: Random, i: number) => {
        const damaged = i % 4 === 0 ? damageText(text, random, jsonPieces).toString() : damagedJson(random, json);
        const bytes = i % 8 === 0 ? damage(weights, random) : weights;
        try {
          await tryModel(await writeTfjs(join(dir, kind), damaged, bytes));
        } finally {
          expect(tf.memory().numTensors, `input ${i}`).toBe(tensors);
          expect(Object.keys(tf.engine().registeredVariables)).toHaveLength(variables);
        }
      };
      await fuzz(`TensorFlow.js model, ${kind}`, attempt, { share: 0.05 });
    },
  );
});
