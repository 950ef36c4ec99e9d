import { check, type OptionsOf, readOptions, type Settings } from '@protomem/core';
import { activationRanges, type DefinedEncoder, type EncoderRegistry, encoders, foldNorms } from '@protomem/encoders';
import type * as tf from '@tensorflow/tfjs';
import { encodeOptions } from './encode-options.ts';
import { readValues } from './graph.ts';
import { writeOnnx } from './onnx-writer.ts';
import { WEIGHTS, writeTfjs } from './tfjs-writer.ts';
import { writeTorch } from './torch-writer.ts';

export type EncodeOptions = OptionsOf<typeof encodeOptions>;
type EncodeSettings = Settings<typeof encodeOptions> & { readonly opset: number };
/** Batches of faces `[B, H, W, 3]`, to calibrate arithmetic in 8 bits with; each is disposed once it is seen. */
export type CalibrationFaces = AsyncIterable<tf.Tensor4D>;

/** Bytes of the files of a model, by name; the first one is what opens it. */
export type ModelFiles = Readonly<Record<string, Uint8Array<ArrayBuffer>>>;

/**
 * The bytes of an encoder for other programs: `model.onnx`, `model.safetensors`, or `model.json` and `weights.bin`. In Node and on
 * a page, the same where the engine is the same, which folds the norms. Not compared with the encoder, as `exportEncoder` does.
 *
 * @param encoder stays as it is, and the caller's.
 * @param registry where the encoder's family is looked up, one of your own among them. Default {@link encoders}.
 * @param faces for int8, and for nothing else: batches `[B, H, W, 3]` of aligned faces, RGB, 0 ... 255, like those that the model will meet; some
 *   hundreds. Each is disposed.
 * @throws ProtomemError when the options do not go together, or the encoder is folded and PyTorch is to have it.
 *
 * @example
 * ```ts
 * const { 'model.onnx': bytes } = await encodeModel(encoder, { to: 'onnx' });
 * link.href = URL.createObjectURL(new Blob([bytes])); // of a page's <a download="face.onnx">
 * ```
 */
export async function encodeModel(
  encoder: DefinedEncoder,
  options: EncodeOptions,
  registry: EncoderRegistry = encoders,
  faces?: CalibrationFaces,
): Promise<ModelFiles> {
  const settings = withOpset(readOptions('encodeModel', encodeOptions, options));
  checkTarget(settings.to, options);
  check(settings.precision !== 'int8' || faces !== undefined, () => ({
    where: 'encodeModel',
    what: 'faces',
    got: 'missing',
    expected: 'batches of faces to calibrate 8 bits with',
  }));
  check(settings.precision === 'int8' || faces === undefined, () => ({
    where: 'encodeModel',
    what: 'faces',
    got: 'given',
    expected: `nothing: ${settings.precision} is not calibrated`,
    fix: 'Ask for the precision int8.',
  }));
  return filesOf(encoder, settings, registry, faces);
}

/** @internal {@link encodeModel} of options that are checked. */
export async function filesOf(
  encoder: DefinedEncoder,
  { to, ...settings }: EncodeSettings,
  registry: EncoderRegistry,
  faces?: CalibrationFaces,
): Promise<ModelFiles> {
  const { card, options } = encoder;
  const metadata = {
    encoder: card.name,
    options: JSON.stringify(options),
    normalization: JSON.stringify(card.normalization),
    ...(settings.licence ? { licence: settings.licence } : {}),
  };
  if (to === 'safetensors') {
    check(!encoder.folded, () => ({
      where: 'export',
      what: 'the encoder',
      got: 'folded',
      expected: 'one with its norms: PyTorch has no place for weights that norms were folded into',
      fix: 'Use the encoder that it was folded from, or another format.',
    }));
    return { 'model.safetensors': writeTorch(encoder, await readValues(encoder), { ...settings, metadata }) };
  }
  const folded = encoder.folded ? encoder : foldNorms(encoder, registry);
  try {
    const values = await readValues(folded);
    if (to === 'onnx') {
      const ranges = settings.precision === 'int8' ? await activationRanges(folded, faces!) : undefined;
      return { 'model.onnx': writeOnnx(folded, values, { ...settings, metadata }, ranges) };
    }
    const { json, weights } = writeTfjs(folded, values, { ...settings, metadata });
    return { 'model.json': new TextEncoder().encode(json), [WEIGHTS]: weights };
  } finally {
    if (folded !== encoder) folded.dispose();
  }
}

/** @internal The operator set that is written when none is named. */
export const withOpset = <S extends Settings<typeof encodeOptions>>(settings: S): S & { readonly opset: number } => ({
  ...settings,
  opset: settings.opset ?? (settings.precision === 'int8' ? 13 : 11),
});

/** @internal Refuses options that a target has no use for. */
export function checkTarget(to: EncodeSettings['to'], given: EncodeOptions): void {
  const { precision, opset } = given;
  check(precision !== 'int8' || to === 'onnx', () => ({
    where: 'export',
    what: 'precision',
    got: precision,
    expected: `float32 or float16 for ${to}: 8 bits are for ONNX`,
  }));
  check(precision !== 'int8' || opset === undefined || opset >= 13, () => ({
    where: 'export',
    what: 'opset',
    got: opset,
    expected: '13 or more for int8, with a scale of each channel',
  }));
  const useless = { onnx: [], tfjs: ['opset'], safetensors: ['opset', 'normalize', 'flip'] } as const;
  for (const name of useless[to]) {
    check(given[name] === undefined || given[name] === false, () => ({
      where: 'export',
      what: name,
      got: given[name],
      expected: `nothing: ${to === 'tfjs' ? 'a model of TensorFlow.js has none' : 'weights alone have none'}`,
    }));
  }
}
