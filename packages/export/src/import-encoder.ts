import { readFile, stat } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { check, type OptionsOf, option, ProtomemError, readOptions, type Settings } from '@protomem/core';
import { systemReason } from '@protomem/core/node';
import { type DefinedEncoder, encoders, refitNorms, restoreEncoder, saveEncoder } from '@protomem/encoders';
import { inputNormalization, modelOptions, openModel, pixelsFor, readOnnxGraph } from '@protomem/protocols';
import * as tf from '@tensorflow/tfjs';
import { type Agreement, compareModels } from './check-export.ts';
import { encoderModel } from './encoder-model.ts';
import { facesOf } from './faces.ts';
import { inFloat32 } from './in-float32.ts';
import { matchOnnx } from './match-onnx.ts';
import { readSafetensorsWeights, takeWeights } from './read-tensors.ts';
import { readTorchWeights } from './read-torch.ts';
import { torchTensors, unusedInTorch } from './torch-layout.ts';

const { inputSize, width } = encoders.iresnet18.options;

/** Options of `importEncoder`. */
export const importOptions = {
  as: option.choice(encoders, { help: 'The encoder that the weights are of.' }),
  inputSize,
  embeddingSize: option.integer({ help: 'Width of an embedding.', min: 1, max: 65536, absent: "the encoder's own" }),
  width,
  mean: {
    ...modelOptions.mean,
    help: 'What was taken off each pixel when the model was trained: (pixel - mean) / scale.',
    absent: "what an ONNX graph tells, else the encoder's own",
  },
  scale: {
    ...modelOptions.scale,
    help: 'What pixels less the mean were divided by when the model was trained.',
    absent: "what an ONNX graph tells, else the encoder's own",
  },
  bgr: { ...modelOptions.bgr, help: 'The model was trained on blue, green, red.' },
  faces: option.text({
    help: 'Aligned faces, a data set of any format: an ONNX model is compared on them, and norms that it has not any more get their statistics.',
    absent: 'synthetic faces',
  }),
};

export type ImportOptions = OptionsOf<typeof importOptions>;

/** What came of an import. */
export interface Imported {
  readonly encoder: string;
  readonly parameters: number;
  /** What was recognised, folded or left behind, a line each. */
  readonly notes: readonly string[];
  /** The encoder beside the model it was made from, where that can be run: an ONNX file. */
  readonly agreement?: Agreement;
}

/** The least cosine to the model that an encoder was made from. */
const LEAST = 0.9999;
/** Faces that norms get statistics of. */
const SEEN = 32;

/**
 * Makes an encoder of ours from weights of PyTorch (`.safetensors`, or `.pth`, of which nothing is executed; names as in
 * arcface_torch) or from an ONNX file, whatever
 * its tensors are called. An ONNX file is run beside the encoder: where a cosine is below 0.9999, nothing is written.
 *
 * Where the exporter has folded norms into weights, they are made anew from faces, without a change of the embeddings (see
 * `refitNorms` of `@protomem/encoders`), so that training can go on. Computes on the engine in use, in float32; where none is loaded,
 * the fastest is.
 *
 * @param out file to write, by `saveEncoder`; new.
 * @throws ProtomemError that names the first tensor or node that does not fit
 *
 * @example
 * ```ts
 * await importEncoder('backbone.safetensors', 'encoder.safetensors', { as: 'iresnet50' });
 * ```
 */
export async function importEncoder(file: string, out: string, options: ImportOptions): Promise<Imported> {
  const settings = readOptions('importEncoder', importOptions, options);
  check(!(await stat(out).catch(() => undefined)), () => ({
    where: 'import',
    what: out,
    got: 'there already',
    expected: 'a new file: nothing is overwritten',
  }));
  check(await isFolder(dirname(resolve(out))), () => ({
    where: 'import',
    what: dirname(out),
    got: 'no folder',
    expected: 'the folder that the encoder goes to',
    fix: 'Make it first.',
  }));
  check(!(await isFolder(file)), () => ({
    where: 'import',
    what: file,
    got: 'a folder',
    expected: 'a file: .safetensors, .pth, .pt, .bin, .ckpt or .onnx',
  }));
  const isOnnx = endingOf(file) === '.onnx';
  return inFloat32(async () => {
    const encoder = blank(settings);
    try {
      const notes = isOnnx ? await fromOnnx(file, encoder, settings) : await fromStateDict(file, encoder, settings);
      const agreement = isOnnx ? await checkImported(file, encoder, settings) : undefined;
      await saveEncoder(encoder, out);
      const { name, parameters } = encoder.card;
      return { encoder: name, parameters, notes, ...(agreement ? { agreement } : {}) };
    } finally {
      encoder.dispose();
    }
  });
}

const endingOf = (file: string): string => extname(file).toLowerCase();

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() ?? false;

type ImportSettings = Settings<typeof importOptions>;

/** An encoder of zeros. */
function blank({ as, inputSize, embeddingSize, width }: ImportSettings): DefinedEncoder {
  const size = embeddingSize === undefined ? {} : { embeddingSize };
  const zeros = ({ shape }: { readonly shape: readonly number[] }) =>
    new Float32Array(shape.reduce((a, b) => a * b, 1));
  return encoders[as]({ inputSize, width, ...size }, zeros);
}

const shapesOf = ({ layers, parameters }: DefinedEncoder) =>
  torchTensors(
    layers,
    parameters.map(({ name, variable }) => ({ name, shape: variable.shape })),
  );

/** Gives an encoder the weights of a `state_dict`; returns what was recognised or left behind. */
export async function fromStateDict(
  file: string,
  encoder: DefinedEncoder,
  settings: Pick<ImportSettings, 'mean' | 'scale' | 'bgr'>,
): Promise<readonly string[]> {
  const read = /^\.(pth?|bin|ckpt)$/.test(endingOf(file)) ? readTorchWeights : readSafetensorsWeights;
  const found = await read(file);
  const unused = unusedInTorch(encoder.layers).map(({ name }) => name);
  const { values, notes } = takeWeights(file, encoder.card.name, shapesOf(encoder), found, unused);
  const { mean = encoder.card.normalization.mean, scale = encoder.card.normalization.std, bgr } = settings;
  const pixels = { mean: channels(mean), scale: channels(scale), bgr };
  const adapted = adaptPixels(file, encoder, values, pixels, undefined);
  give(encoder, adapted.values, file);
  return [...notes, ...adapted.notes];
}

async function fromOnnx(file: string, encoder: DefinedEncoder, settings: ImportSettings): Promise<readonly string[]> {
  const bytes = await readFile(file).catch((error: Error) => {
    const [got, expected] = [systemReason(error), 'an ONNX model of less than 2 GiB'];
    throw new ProtomemError({ where: 'import', what: file, got, expected }, { cause: error });
  });
  const graph = readOnnxGraph(file, bytes);
  const inside = inputNormalization(graph, graph.input);
  const pixels = pixelsFor({ ...settings, inputSize: undefined, output: undefined }, inside);
  const { name } = encoder.card;
  const network = { name, layers: encoder.layers, weights: shapesOf(encoder) };
  const { values, folded } = matchOnnx(file, bytes, inside?.after, network);
  const adapted = adaptPixels(file, encoder, values, pixels, inside?.line);
  give(encoder, adapted.values, file);
  if (folded.size > 0) {
    const size = encoder.card.inputSize;
    for await (const { pixels, count } of facesOf(settings.faces, { images: SEEN, size, batch: SEEN })) {
      tf.tidy(() => refitNorms(encoder, tf.tensor4d(pixels, [count, ...size, 3], 'float32'), folded));
    }
  }
  const norms =
    folded.size > 0
      ? [
          `norms: ${folded.size} were folded into weights, and are made anew from up to ${SEEN} ${settings.faces ? 'faces given' : 'synthetic faces'}`,
        ]
      : [];
  return [pixels.note, ...adapted.notes, ...norms];
}

const channels = (value: number | readonly number[]): readonly number[] =>
  typeof value === 'number' ? [value, value, value] : value;

/**
 * Weights that take our pixels in place of the model's: their scale and order go into the first convolution.
 *
 * With `u = slope (p - m) / s + offset` what the model's first layer gets, and `x = (p - M) / S` ours:
 * `u = slope S / s x + slope (M - m) / s + offset`. The latter has to be 0, since a padded convolution knows no such number.
 */
function adaptPixels(
  file: string,
  { card, layers }: DefinedEncoder,
  values: ReadonlyMap<string, Float32Array>,
  { mean, scale, bgr }: { readonly mean: readonly number[]; readonly scale: readonly number[]; readonly bgr: boolean },
  line: { readonly slope: readonly number[]; readonly offset: readonly number[] } | undefined,
): { readonly values: ReadonlyMap<string, Float32Array>; readonly notes: readonly string[] } {
  const { mean: ourMean, std } = card.normalization;
  const of = (numbers: readonly number[] | undefined, c: number, standard: number): number =>
    numbers?.[numbers.length === 1 ? 0 : c] ?? standard;
  const each = [0, 1, 2].map((c) => {
    const slope = of(line?.slope, c, 1);
    return {
      factor: (slope * std) / scale[c]!,
      shift: (slope * (ourMean - mean[c]!)) / scale[c]! + of(line?.offset, c, 0),
    };
  });
  const far = each.find(({ shift }) => Math.abs(shift) > 1e-4);
  check(far === undefined, () => ({
    where: file,
    what: 'the mean of its pixels',
    got: `${far!.shift.toPrecision(3)} away from ours, after scaling`,
    expected: `${ourMean}, which ${card.name} takes off`,
  }));
  if (!bgr && each.every(({ factor }) => Math.abs(factor - 1) < 1e-6)) return { values, notes: [] };
  const [first] = layers;
  check(first?.kind === 'convolution' && first.inputs === 3, () => ({
    where: file,
    what: 'the first layer',
    got: first?.kind,
    expected: 'a convolution, which can take over scale and order of pixels',
  }));
  const name = `${(first as { name: string }).name}.weight`;
  const weight = values.get(name)!;
  const { outputs } = first as { outputs: number };
  // Of `[height, width, 3, out]`; the model's channel c is our 2 - c where it takes blue first.
  const adapted = weight.map((_, i) => {
    const c = Math.floor(i / outputs) % 3;
    const theirs = bgr ? 2 - c : c;
    return weight[i + (theirs - c) * outputs]! * each[theirs]!.factor;
  });
  const factors = [...new Set(each.map(({ factor }) => factor.toPrecision(6)))].join(', ');
  return {
    values: new Map([...values, [name, adapted]]),
    notes: [`pixels: ${bgr ? 'the order of colours and ' : ''}the scale (times ${factors}) went into ${name}`],
  };
}

function give(encoder: DefinedEncoder, values: ReadonlyMap<string, Float32Array>, file: string): void {
  const tensors = encoder.parameters.map(({ name, variable }) => {
    return [name, { dtype: 'F32', shape: variable.shape, data: values.get(name)! }] as const;
  });
  restoreEncoder(encoder, { values: {}, tensors: Object.fromEntries(tensors) }, file);
}

async function checkImported(file: string, encoder: DefinedEncoder, settings: ImportSettings): Promise<Agreement> {
  const { mean, scale, bgr, faces } = settings;
  const given = Object.fromEntries(Object.entries({ mean, scale }).filter(([, value]) => value !== undefined));
  const model = await openModel(file, { ...given, bgr });
  const ours = encoderModel(encoder);
  try {
    const sameSize = model.inputSize.join() === ours.inputSize.join();
    check(sameSize && model.embeddingSize === ours.embeddingSize, () => ({
      where: file,
      what: 'the model',
      got: `${model.inputSize.join(' x ')} pixels to ${model.embeddingSize} numbers`,
      expected: `${ours.inputSize.join(' x ')} pixels to ${ours.embeddingSize} numbers`,
      fix: 'Name them with --input-size and --embedding-size.',
    }));
    const agreement = await compareModels(model, ours, { faces, images: 8, flip: false });
    check(agreement.lowest >= LEAST, () => ({
      where: 'import',
      what: 'the lowest cosine between the encoder and the model',
      got: agreement.lowest,
      expected: `${LEAST} or more; nothing is written`,
    }));
    return { ...agreement, by: model.kind };
  } finally {
    await model.dispose();
  }
}
