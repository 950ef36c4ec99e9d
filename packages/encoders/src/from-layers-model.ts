import { check } from '@protomem/core';
import type { Encoder, EncoderCard, Parameter } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';
import { checkDistinct } from './layer.ts';
import { normalizePixels } from './normalize-pixels.ts';

/**
 * Adapts a `tf.LayersModel` to the encoder contract, so that a model of your own is trained, saved and evaluated like
 * the built-in ones.
 *
 * Weights named `...kernel` get weight decay; moving means and variances are saved and not trained. Give every layer a
 * name: automatic ones count up through the process, and then a saved file does not fit the next run's model. Where models
 * inside it have weights of one name, those have the names of their models in front.
 *
 * @param model one input `[B, H, W, 3]` of known H and W, one output `[B, D]`. Owned by the encoder from now on.
 * @param card what the model's users should know. Default: the model's name, `normalization` `{ mean: 0, std: 1 }` (the
 * model sees RGB values in [0, 255]), parameters and MACs counted from the model (kernels of layers with a fixed output
 * size, at each call; a model inside it counts as of the images that it was made for), `source` "own model".
 * @returns an encoder; a layer with `trainable: false` keeps its running statistics in training; disposing it disposes the model. Its dropout draws from tfjs's own generator, not from `seed`.
 * @throws when inputs or outputs do not fit, or two weights have one name.
 *
 * @example
 * ```ts
 * const model = tf.sequential({
 *   name: 'mine',
 *   layers: [
 *     tf.layers.conv2d({ name: 'conv', inputShape: [32, 32, 3], filters: 8, kernelSize: 3, activation: 'relu' }),
 *     tf.layers.globalAveragePooling2d({ name: 'pool' }),
 *     tf.layers.dense({ name: 'embedding', units: 16 }),
 *   ],
 * });
 * const encoder = fromLayersModel(model, { normalization: { mean: 127.5, std: 127.5 } });
 * ```
 */
export function fromLayersModel(
  model: tf.LayersModel,
  card: Partial<Pick<EncoderCard, 'name' | 'normalization' | 'parameters' | 'macs' | 'source'>> = {},
): Encoder {
  const [input, output] = [model.inputs.map(({ shape }) => shape), model.outputs.map(({ shape }) => shape)];
  const [, height, width, colours] = input[0] ?? [];
  check(input.length === 1 && input[0]!.length === 4 && !!height && !!width && colours === 3, () => ({
    where: 'fromLayersModel',
    what: 'input of the model',
    got: JSON.stringify(input),
    expected: 'one of shape [null, height, width, 3]',
  }));
  const embeddingSize = output[0]?.[1];
  check(output.length === 1 && output[0]!.length === 2 && !!embeddingSize, () => ({
    where: 'fromLayersModel',
    what: 'output of the model',
    got: JSON.stringify(output),
    expected: 'one of shape [null, embeddingSize]',
  }));
  const names = namesOf(model);
  checkDistinct('fromLayersModel', [...names.values()]);
  // A layer that two models inside share is listed twice.
  const parameters = [...new Set(model.weights)].map((weight): Parameter => {
    const name = names.get(weight)!;
    // What a layer reads is the variable itself; the declared type is narrower.
    const variable = weight.read() as tf.Variable;
    return { name, variable, trainable: weight.trainable, decay: weight.trainable && /kernel$/.test(name) };
  });
  const counted = parameters.filter(({ name }) => !/moving_(mean|variance)$/.test(name));
  const full: EncoderCard = {
    name: model.name,
    normalization: { mean: 0, std: 1 },
    parameters: counted.reduce((sum, { variable }) => sum + variable.size, 0),
    macs: card.macs ?? macsOf(model),
    source: 'own model',
    ...card,
    inputSize: [height!, width!],
    embeddingSize: embeddingSize!,
  };
  keepFrozenStatistics(model.layers);
  let disposed = false;
  return {
    card: full,
    parameters,
    apply(images, { training = false, synchronizeNorms = false } = {}) {
      check(!synchronizeNorms, () => ({
        where: `${full.name}.apply`,
        what: 'synchronizeNorms',
        got: true,
        expected: 'false: norms of a model of TensorFlow.js know nothing of other processes',
      }));
      check(!disposed, () => ({
        where: `${full.name}.apply`,
        what: 'the encoder',
        got: 'disposed',
        expected: 'one that is still in use',
      }));
      return tf.tidy(() => model.apply(normalizePixels(images, full), { training }) as tf.Tensor2D);
    },
    dispose() {
      if (!disposed) model.dispose();
      disposed = true;
    },
  };
}

/** As in Keras, a layer that is not trainable does in training what it does otherwise; tfjs would move its statistics. */
function keepFrozenStatistics(layers: readonly tf.layers.Layer[]): void {
  for (const layer of layers) {
    const call = layer.call.bind(layer);
    layer.call = (inputs, args) => call(inputs, layer.trainable ? args : { ...args, training: false });
    if ('layers' in layer) keepFrozenStatistics(layer.layers as tf.layers.Layer[]);
  }
}

type LayerVariable = tf.LayersModel['weights'][number];

/** Each weight by the name that its layer gives it, or, where several have that one, by its path through the models inside. */
function namesOf(model: tf.LayersModel): Map<LayerVariable, string> {
  const paths = new Map(pathsOf(model.layers));
  const count = new Map<string, number>();
  for (const { originalName } of paths.keys()) count.set(originalName, (count.get(originalName) ?? 0) + 1);
  return new Map(
    [...paths].map(([weight, path]) => [weight, count.get(weight.originalName) === 1 ? weight.originalName : path]),
  );
}

function pathsOf(layers: readonly tf.layers.Layer[], above = ''): [LayerVariable, string][] {
  return layers.flatMap((layer) =>
    'layers' in layer
      ? pathsOf(layer.layers as tf.layers.Layer[], `${above}${layer.name}/`)
      : layer.weights.map((weight): [LayerVariable, string] => [weight, above + weight.originalName]),
  );
}

/** Kernel elements times output places, at each call of a layer: right for convolutions, depthwise ones and matrix products. */
function macsOf(model: tf.LayersModel): number {
  const product = (shape: tf.Shape): number => shape.reduce((a: number, b) => a * (b ?? 0), 1);
  // What has a sequential model put its graph together.
  model.countParams();
  const calls = Object.values(model.nodesByDepth).flat();
  return calls.reduce((sum, { outboundLayer: layer, outputTensors }) => {
    if ('nodesByDepth' in layer) return sum + macsOf(layer as tf.LayersModel);
    const kernels = layer.weights.filter(({ originalName }) => /kernel$/.test(originalName));
    const places = product(outputTensors[0]!.shape.slice(1, -1));
    return kernels.reduce((all, { shape }) => all + product(shape) * places, sum);
  }, 0);
}
