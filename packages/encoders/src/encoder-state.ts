import {
  check,
  decodeSafetensors,
  ProtomemError,
  parseJson,
  type Safetensors,
  type State,
  takeTensor,
} from '@protomem/core';
import type { Encoder } from '@protomem/core/contracts';
import { parametersState, restoreParameters } from '@protomem/engine';
import { type EncoderRegistry, encoders, findFamily } from './create-encoder.ts';
import type { DefinedEncoder } from './define-encoder.ts';
import type { EncoderOptions } from './options.ts';

/** @internal */
export const format = 'protomem-encoder';
/** @internal */
export const version = '1';

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
 * Makes the encoder that a file's bytes hold, as {@link loadEncoder} does, where there are no files; checksums are not
 * looked at.
 *
 * @param bytes of a file that `saveEncoder` wrote; not kept.
 * @param where names them in errors, such as their URL.
 * @param registry where the file's encoder name is looked up. Default {@link encoders}.
 * @returns an encoder with the file's weights, bit for bit; the caller disposes it.
 * @throws ProtomemError as `loadEncoder` does, but for a flipped bit in a weight.
 *
 * @example
 * ```ts
 * const encoder = decodeEncoder(new Uint8Array(await (await fetch(url)).arrayBuffer()), url);
 * ```
 */
export function decodeEncoder(
  bytes: Uint8Array,
  where = 'decodeEncoder',
  registry: EncoderRegistry = encoders,
): DefinedEncoder {
  const file = decodeSafetensors(bytes, where);
  checkFormat(where, file);
  return encoderOf(where, file, registry);
}

/** @internal Refuses other files, and those of another version. */
export function checkFormat(where: string, { metadata }: Safetensors): void {
  for (const [key, expected] of Object.entries({ format, version })) {
    check(metadata[key] === expected, () => ({
      where,
      what: `metadata "${key}"`,
      got: metadata[key] ?? 'missing',
      expected: `"${expected}"`,
      fix: 'Use a file written by saveEncoder of this version.',
    }));
  }
}

/** @internal The encoder of a file whose format is checked. */
export function encoderOf(
  where: string,
  { tensors, metadata }: Safetensors,
  registry: EncoderRegistry,
): DefinedEncoder {
  const make = findFamily(where, 'metadata "name"', registry, metadata.name ?? '');
  const encoder = make(
    parseOptions(where, metadata.options),
    ({ name, shape }) => takeTensor(where, tensors, name, 'F32', shape),
    metadata.folded === 'true',
  );
  const known = new Set(encoder.parameters.map(({ name }) => name));
  const stranger = Object.keys(tensors).find((name) => !known.has(name));
  if (stranger !== undefined) {
    encoder.dispose();
    throw new ProtomemError({
      where,
      what: `tensor "${stranger}"`,
      got: 'of no parameter',
      expected: `one of the ${known.size} parameters of ${encoder.card.name}`,
    });
  }
  return encoder;
}

function parseOptions(where: string, text: string | undefined): EncoderOptions {
  const options = text === undefined ? undefined : parseJson(text, { where, what: 'metadata "options"' });
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new ProtomemError({
      where,
      what: 'metadata "options"',
      got: text ?? 'missing',
      expected: 'a JSON object of encoder options',
    });
  }
  return options as EncoderOptions;
}
