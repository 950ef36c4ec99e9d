import type { Encoder } from '@protomem/core/contracts';
import { readSafetensors, refuseUnknownKeys, writeSafetensors } from '@protomem/core/node';
import { type EncoderRegistry, encoders } from './create-encoder.ts';
import type { DefinedEncoder } from './define-encoder.ts';
import { checkFormat, encoderOf, encoderState, format, version } from './encoder-state.ts';

const metadataKeys = ['format', 'version', 'name', 'options', 'card', 'folded'];

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
  checkFormat(path, file);
  refuseUnknownKeys(path, file, metadataKeys);
  return encoderOf(path, file, registry);
}
