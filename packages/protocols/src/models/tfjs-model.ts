import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { check, ProtomemError } from '@protomem/core';
import { loadEngine } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import type { EmbeddingModel, PixelScale } from './embedding-model.ts';

/** A model of TensorFlow.js, layers or graph: one input `[N, H, W, 3]`, RGB; one output `[N, D]`. */
export async function tfjsModel(file: string, { mean, scale }: PixelScale): Promise<EmbeddingModel> {
  const { engine, device } = await loadEngine({});
  const { artifacts, graph } = await readArtifacts(file);
  const handler = tf.io.fromMemory(artifacts);
  const model = graph ? await tf.loadGraphModel(handler) : await tf.loadLayersModel(handler);
  const shape = model.inputs[0]?.shape ?? [];
  check(model.inputs.length === 1 && shape.length === 4 && shape[3] === 3, () => ({
    where: file,
    what: 'its input',
    got: `${model.inputs.length} input(s), the first [${shape}]`,
    expected: 'one input [N, H, W, 3]',
  }));
  const [height, width] = [shape[1] ?? 112, shape[2] ?? 112].map((side) => (side > 0 ? side : 112)) as [number, number];
  const apply = (images: tf.Tensor4D): tf.Tensor => {
    const output = model.predict(tf.div(tf.sub(images, mean), scale)) as tf.Tensor | tf.Tensor[];
    const first = Array.isArray(output) ? output[0]! : output;
    return tf.reshape(first, [images.shape[0], -1]);
  };
  const embed = async (pixels: Uint8Array, count: number, flip: boolean): Promise<Float32Array> => {
    const sum = tf.tidy(() => {
      const images = tf.tensor4d(pixels, [count, height, width, 3], 'float32');
      const straight = apply(images);
      return flip ? tf.add(straight, apply(tf.reverse(images, 2))) : straight;
    });
    try {
      return await sum.data<'float32'>();
    } finally {
      sum.dispose();
    }
  };
  const { length: embeddingSize } = await embed(new Uint8Array(3 * height * width), 1, false);
  return {
    kind: `TensorFlow.js ${graph ? 'graph' : 'layers'} model, ${engine} (${device})`,
    file,
    inputSize: [height, width],
    embeddingSize,
    embed,
    dispose: async () => void model.dispose(),
  };
}

/** `model.json` and the weight files that it names, which lie beside it. */
async function readArtifacts(file: string): Promise<{ artifacts: tf.io.ModelArtifacts; graph: boolean }> {
  const refuse = (what: string, got: unknown, expected: string, cause?: unknown): never => {
    throw new ProtomemError({ where: file, what, got, expected }, { cause });
  };
  let json: tf.io.ModelJSON;
  try {
    json = JSON.parse(await readFile(file, 'utf8')) as tf.io.ModelJSON;
  } catch (error) {
    return refuse('the model', (error as Error).message, 'the model.json of TensorFlow.js', error);
  }
  if (!json?.modelTopology || !Array.isArray(json.weightsManifest)) {
    refuse('the model', Object.keys(json ?? {}).join(), 'modelTopology and weightsManifest');
  }
  const paths = json.weightsManifest.flatMap((group) => group.paths);
  for (const path of paths)
    if (/^\/|^\w+:|(^|[/\\])\.\./.test(path)) refuse('a weight file', path, 'a name beside the model');
  const parts = await Promise.all(
    paths.map((path) =>
      readFile(join(dirname(file), path)).catch((error: Error) =>
        refuse(path, error.message, 'weights beside the model', error),
      ),
    ),
  );
  const weightSpecs = json.weightsManifest.flatMap((group) => group.weights);
  const weights = Buffer.concat(parts);
  const weightData = weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.byteLength) as ArrayBuffer;
  const graph = json.format === 'graph-model' || 'node' in (json.modelTopology as object);
  return { artifacts: { ...json, weightSpecs, weightData }, graph };
}
