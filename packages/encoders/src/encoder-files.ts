import { check, ProtomemError, parseJson, type State, takeTensor } from '@protomem/core';
import type { Encoder } from '@protomem/core/contracts';
import { readSafetensors, refuseUnknownKeys, writeSafetensors } from '@protomem/core/node';
import { parametersState, restoreParameters } from '@protomem/engine';
import { type EncoderRegistry, encoders, findFamily } from './create-encoder.ts';
import type { DefinedEncoder } from './define-encoder.ts';
import type { EncoderOptions } from './options.ts';

const format = 'protomem-encoder';
const version = '1';
const metadataKeys = ['format', 'version', 'name', 'options', 'card', 'folded'];

/**
 * The weights and running statistics of an encoder, all of one moment, as plain data.
 *
 * @returns copies: `F32` tensors by parameter name.
 */
export function encoderState(encoder: Encoder): Promise<State> {
  return parametersState(encoder.parameters);
}

/**
 * Gives an encoder saved weights. Checks all of them first: on an error the encoder is unchanged.
 *
 * @param encoder made with the options of the one that was saved (seed and dropout may differ).
 * @param state of {@link encoderState}; not kept.
 * @param where names the file or function in errors.
 * @throws when a tensor is missing, misshapen or unknown.
 */
export function restoreEncoder(encoder: Encoder, state: State, where = 'restoreEncoder'): void {
  restoreParameters(where, encoder.parameters, state);
}

/**
 * Writes an encoder to one safetensors file: a tensor for each parameter, and as metadata `format`
 * ("protomem-encoder"), `version`, `name`, `options` and `card` (the last two as JSON), and `folded` for one of `foldNorms`,
 * and checksums (see `writeSafetensors` of `@protomem/core/node`). Atomic: on a failure the old file stays. Holds nothing of training: that is the checkpoint's part.
 *
 * Kernels are `[height, width, in, out]`; PyTorch's order is `permute(3, 2, 0, 1)`, for the fully connected one then
 * `reshape(out, -1)`; depthwise ones are `[height, width, channels, 1]` and need `permute(2, 3, 0, 1)`.
 *
 * @param encoder of `createEncoder`, or any other (whose file then needs a registry with its name to be loaded).
 * @param path of the file; its folder exists.
 *
 * @example
 * ```ts
 * await saveEncoder(encoder, 'face.safetensors');
 * const same = await loadEncoder('face.safetensors');
 * ```
 */
export async function saveEncoder(
  encoder: Encoder & Partial<Pick<DefinedEncoder, 'options' | 'folded'>>,
  path: string,
): Promise<void> {
  const { card, options = {}, folded = false } = encoder;
  const { tensors } = await encoderState(encoder);
  const metadata = {
    format,
    version,
    name: card.name,
    options: JSON.stringify(options),
    card: JSON.stringify(card),
    ...(folded ? { folded: 'true' } : {}),
  };
  await writeSafetensors(path, { tensors, metadata });
}

/**
 * Makes the encoder that a file holds.
 *
 * @param path written by {@link saveEncoder}.
 * @param registry where the file's encoder name is looked up. Default {@link encoders}.
 * @returns an encoder with the file's weights, bit for bit; the caller disposes it.
 * @throws an error that names the file and what is wrong in it: not safetensors, cut short, damaged, of another kind or version,
 * of an unknown encoder, or with a missing, misshapen or unknown tensor.
 */
export async function loadEncoder(path: string, registry: EncoderRegistry = encoders): Promise<DefinedEncoder> {
  const file = await readSafetensors(path);
  const { tensors, metadata } = file;
  for (const [key, expected] of Object.entries({ format, version })) {
    check(metadata[key] === expected, () => ({
      where: path,
      what: `metadata "${key}"`,
      got: metadata[key] ?? 'missing',
      expected: `"${expected}"`,
      fix: 'Use a file written by saveEncoder of this version.',
    }));
  }
  refuseUnknownKeys(path, file, metadataKeys);
  const make = findFamily(path, 'metadata "name"', registry, metadata.name ?? '');
  const encoder = make(
    parseOptions(path, metadata.options),
    ({ name, shape }) => takeTensor(path, tensors, name, 'F32', shape),
    metadata.folded === 'true',
  );
  const known = new Set(encoder.parameters.map(({ name }) => name));
  const stranger = Object.keys(tensors).find((name) => !known.has(name));
  if (stranger !== undefined) {
    encoder.dispose();
    throw new ProtomemError({
      where: path,
      what: `tensor "${stranger}"`,
      got: 'of no parameter',
      expected: `one of the ${known.size} parameters of ${encoder.card.name}`,
    });
  }
  return encoder;
}

function parseOptions(path: string, text: string | undefined): EncoderOptions {
  const options = text === undefined ? undefined : parseJson(text, { where: path, what: 'metadata "options"' });
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new ProtomemError({
      where: path,
      what: 'metadata "options"',
      got: text ?? 'missing',
      expected: 'a JSON object of encoder options',
    });
  }
  return options as EncoderOptions;
}
