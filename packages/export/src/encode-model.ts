import { check, type OptionsOf, readOptions, type Settings } from '@protomem/core';
import { type DefinedEncoder, type EncoderRegistry, encoders, foldNorms } from '@protomem/encoders';
import { encodeOptions } from './encode-options.ts';
import { readValues } from './graph.ts';
import { writeOnnx } from './onnx-writer.ts';
import { WEIGHTS, writeTfjs } from './tfjs-writer.ts';
import { writeTorch } from './torch-writer.ts';

export type EncodeOptions = OptionsOf<typeof encodeOptions>;
type EncodeSettings = Settings<typeof encodeOptions>;

/** Bytes of the files of a model, by name; the first one is what opens it. */
export type ModelFiles = Readonly<Record<string, Uint8Array<ArrayBuffer>>>;

/**
 * The bytes of an encoder for other programs: `model.onnx`, `model.safetensors`, or `model.json` and `weights.bin`. In Node and on
 * a page, the same where the engine is the same, which folds the norms. Not compared with the encoder, as `exportEncoder` does.
 *
 * @param encoder stays as it is, and the caller's.
 * @param registry where the encoder's family is looked up, one of your own among them. Default {@link encoders}.
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
): Promise<ModelFiles> {
  const settings = readOptions('encodeModel', encodeOptions, options);
  checkTarget(settings.to, options);
  return filesOf(encoder, settings, registry);
}

/** @internal {@link encodeModel} of options that are checked. */
export async function filesOf(
  encoder: DefinedEncoder,
  { to, ...settings }: EncodeSettings,
  registry: EncoderRegistry,
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
    if (to === 'onnx') return { 'model.onnx': writeOnnx(folded, values, { ...settings, metadata }) };
    const { json, weights } = writeTfjs(folded, values, { ...settings, metadata });
    return { 'model.json': new TextEncoder().encode(json), [WEIGHTS]: weights };
  } finally {
    if (folded !== encoder) folded.dispose();
  }
}

/** @internal Refuses options that a target has no use for. */
export function checkTarget(to: EncodeSettings['to'], given: EncodeOptions): void {
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
