import { check, ProtomemError, type Settings } from '@protomem/core';
import * as tf from '@tensorflow/tfjs';
import type { UnwatchedModel } from './embedding-model.ts';
import { engineInWords } from './engine-in-words.ts';
import { arrange, batchOf, chooseOutput, pixelsFor, sidesOf, widthOf } from './foreign-model.ts';
import { modelFingerprint } from './model-fingerprint.ts';
import type { modelOptions } from './model-options.ts';
import { readTfjsArtifacts, type TfjsArtifacts } from './tfjs-artifacts.ts';

type Model = tf.GraphModel<tf.io.IOHandlerSync> | tf.LayersModel;

/**
 * A model of TensorFlow.js, layers or graph: one input `[N, H, W, 3]` of floats or integers, N free or fixed; an output
 * `[N, D]`. A file that cannot be used leaves no tensor behind.
 */
export async function tfjsModel(file: string, options: Settings<typeof modelOptions>): Promise<UnwatchedModel> {
  const artifacts = await readTfjsArtifacts(file);
  const { topology, specs, weights, graph } = artifacts;
  const fingerprint = modelFingerprint([JSON.stringify([topology, specs]), new Uint8Array(weights)], options);
  const engine = await engineInWords();
  const model = await loadModel(file, artifacts);
  try {
    const kind = `TensorFlow.js ${graph ? 'graph' : 'layers'} model, ${engine}`;
    return { kind, file, fingerprint, ...openLoaded(file, model, options) };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

function openLoaded(
  file: string,
  model: Model,
  options: Settings<typeof modelOptions>,
): Omit<UnwatchedModel, 'kind' | 'file' | 'fingerprint'> {
  const [input] = model.inputs;
  const shape: readonly unknown[] = input?.shape ?? [];
  check(model.inputs.length === 1 && shape.length === 4 && shape[3] === 3, () => ({
    where: file,
    what: 'its input',
    got: `${model.inputs.length} input(s), the first [${shape}]`,
    expected: 'one input [N, H, W, 3]',
  }));
  const size = sidesOf(file, shape.slice(1, 3), options.inputSize);
  const [height, width] = size;
  const batch = batchOf(file, shape[0], size);
  const pixels = pixelsFor(options, undefined);
  const dtype = input!.dtype === 'int32' ? 'int32' : 'float32';
  const each = 3 * height * width;

  /** All outputs for a full batch. */
  function predict(values: Float32Array, count: number): tf.Tensor[] {
    try {
      const images = tf.cast(tf.tensor4d(values, [count, height, width, 3]), dtype);
      const outputs = model.predict(images);
      const all = outputs instanceof tf.Tensor ? [outputs] : Object.values(outputs ?? {});
      if (all.length === 0 || !all.every((one) => one instanceof tf.Tensor)) throw new Error('no output is a tensor');
      return all;
    } catch (error) {
      throw unusable(file, error);
    }
  }

  const images = batch ?? 1;
  const outputs = tf.tidy(() =>
    predict(new Float32Array(images * each), images).map(({ shape }, i) => ({
      name: model.outputs[i]?.name ?? String(i),
      shape,
      place: i,
    })),
  );
  const output = chooseOutput(file, outputs, images, options.output);
  const place = outputs.indexOf(output as (typeof outputs)[number]);
  const embeddingSize = widthOf(output, images);

  /** As many images at a time as the model takes; the last ones have blank ones beside them. */
  function apply(values: Float32Array, count: number): tf.Tensor2D {
    const step = batch ?? count;
    const parts: tf.Tensor2D[] = [];
    for (let start = 0; start < count; start += step) {
      const padded = new Float32Array(step * each);
      padded.set(values.subarray(start * each, (start + step) * each));
      const rows = tf.reshape(predict(padded, step)[place]!, [step, embeddingSize]) as tf.Tensor2D;
      parts.push(tf.slice2d(rows, [0, 0], [Math.min(step, count - start), embeddingSize]));
    }
    return parts.length === 1 ? parts[0]! : tf.concat2d(parts, 0);
  }

  const others = outputs.filter(({ name }) => name !== output.name).map(({ name }) => name);
  return {
    inputSize: size,
    embeddingSize,
    notes: [
      pixels.note,
      ...(batch !== undefined && batch > 1 ? [`input: ${batch} images at a time, blank ones beside the last`] : []),
      ...(others.length > 0 ? [`output: ${output.name} [N, ${embeddingSize}], not ${others.join(', ')}`] : []),
    ],
    async embed(bytes, count, flip) {
      const layout = { height, width, planar: false };
      const sum = tf.tidy(() => {
        const straight = apply(arrange(bytes, pixels, { ...layout, mirror: false }), count);
        return flip ? tf.add(straight, apply(arrange(bytes, pixels, { ...layout, mirror: true }), count)) : straight;
      });
      try {
        return await sum.data<'float32'>();
      } finally {
        sum.dispose();
      }
    },
    dispose: async () => void model.dispose(),
  };
}

function unusable(file: string, cause: unknown): ProtomemError {
  if (cause instanceof ProtomemError) return cause;
  const reason = (cause instanceof Error ? cause.message : String(cause)).replace(/[\p{Cc}\s]+/gu, ' ').slice(0, 300);
  const [got, expected] = ['not to be used', 'a layers or graph model of TensorFlow.js with the weights that it needs'];
  return new ProtomemError(
    { where: 'model', what: file, got, expected, fix: `TensorFlow.js says: ${reason}` },
    { cause },
  );
}

/** Makes the model in one go, so that whatever it has made until it fails can be told from all other tensors. */
async function loadModel(file: string, artifacts: TfjsArtifacts): Promise<Model> {
  const before = new Set(Object.values(tf.engine().registeredVariables));
  let made: tf.Variable[] = [];
  try {
    let model: Promise<Model> | Model | undefined;
    tf.tidy(() => {
      try {
        model = artifacts.graph ? graphModel(artifacts) : layersModel(file, artifacts);
      } finally {
        made = Object.values(tf.engine().registeredVariables).filter((one) => !before.has(one));
      }
    });
    const built = await model!;
    if (built instanceof tf.LayersModel) tf.tidy(() => setWeights(built, artifacts));
    return built;
  } catch (error) {
    for (const variable of made) variable.dispose();
    throw unusable(file, error);
  }
}

function graphModel({ json, topology, specs, weights }: TfjsArtifacts): Model {
  const { signature, userDefinedMetadata, modelInitializer, initializerSignature } = json;
  const model = tf.loadGraphModelSync({
    modelTopology: topology,
    weightSpecs: specs,
    weightData: weights,
    ...(signature ? { signature } : {}),
    ...(userDefinedMetadata ? { userDefinedMetadata } : {}),
    ...(modelInitializer ? { modelInitializer } : {}),
    ...(initializerSignature ? { initializerSignature } : {}),
  });
  for (const tensor of Object.values(model.weights).flat()) tf.keep(tensor);
  return model;
}

/** Without weights it is made without waiting, so that it can be in a `tidy`; the rejection it may be is the caller's. */
function layersModel(file: string, { topology, specs }: TfjsArtifacts): Promise<Model> {
  const { model_config: config } = topology as { readonly model_config?: object | null };
  CountedZeros.file = file;
  CountedZeros.left = specs.reduce((sum, { shape }) => sum + shape.reduce((product, side) => product * side, 1), 0);
  return tf.models.modelFromJSON({ modelTopology: withoutInitializers(config ?? topology) as never });
}

/**
 * What weights are until those of the files come: no more of them than the files have, or a size in a damaged topology would
 * have memory for billions. Random ones, orthogonal ones above all, would take minutes for large models.
 */
class CountedZeros extends tf.serialization.Serializable {
  static readonly className = 'ProtomemCountedZeros';
  static file = '';
  static left = 0;

  getConfig(): tf.serialization.ConfigDict {
    return {};
  }

  apply(shape: number[], dtype?: 'float32' | 'int32' | 'bool'): tf.Tensor {
    const count = shape.reduce((product, side) => product * side, 1);
    check(count <= CountedZeros.left, () => ({
      where: CountedZeros.file,
      what: 'modelTopology',
      got: `with weights of shape [${shape}]`,
      expected: `no more than the ${CountedZeros.left} numbers of weightsManifest that are left`,
    }));
    CountedZeros.left -= count;
    return tf.zeros(shape, dtype);
  }
}
tf.serialization.registerClass(CountedZeros);

function setWeights(model: tf.LayersModel, { specs, weights }: TfjsArtifacts): void {
  const values = tf.io.decodeWeights(weights, specs);
  model.loadWeights(values as tf.NamedTensorMap, true);
}

/** A topology with every initializer replaced. */
function withoutInitializers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutInitializers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key.endsWith('_initializer') && inner !== null
        ? { class_name: CountedZeros.className, config: {} }
        : withoutInitializers(inner),
    ]),
  );
}
