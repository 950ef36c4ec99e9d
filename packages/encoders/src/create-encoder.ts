import { lookUp } from '@protomem/core';
import type { EncoderCard } from '@protomem/core/contracts';
import type { DefinedEncoder, EncoderMaker } from './define-encoder.ts';
import { ghostFaceNetS1, ghostFaceNetS2 } from './ghost-face-net.ts';
import { iresnet18, iresnet18Se, iresnet34, iresnet50, iresnet50Se, iresnet100 } from './iresnet.ts';
import { mobileFaceNet } from './mobile-face-net.ts';
import type { EncoderOptions } from './options.ts';
import { vitSmall, vitTiny } from './vit.ts';

/** Encoder families by name. Own ones are added by passing a larger object: `{ ...encoders, mine }`. */
export const encoders = {
  'mobile-face-net': mobileFaceNet,
  'ghost-face-net-s2': ghostFaceNetS2,
  'ghost-face-net-s1': ghostFaceNetS1,
  iresnet18,
  iresnet34,
  iresnet50,
  iresnet100,
  'iresnet18-se': iresnet18Se,
  'iresnet50-se': iresnet50Se,
  'vit-tiny': vitTiny,
  'vit-small': vitSmall,
} as const;

/** Names of the built-in encoders. */
export type EncoderName = keyof typeof encoders;

/** {@link EncoderOptions}, and what a family has of its own. */
type OptionsOfEncoder<N extends EncoderName> = Parameters<(typeof encoders)[N]>[0];

/** An object of encoder families. */
export type EncoderRegistry = Readonly<Record<string, EncoderMaker>>;

/** The encoder family that cards and files call by a name, which a key of the registry may be spelled otherwise than. */
export function findFamily(where: string, what: string, registry: EncoderRegistry, name: string): EncoderMaker {
  return Object.values(registry).find(({ family }) => family === name) ?? lookUp(where, what, registry, name);
}

/** The key of {@link encoders} for the name that cards and files call a family by; undefined for a family of one's own. */
export function encoderNameOf(family: string): EncoderName | undefined {
  return (Object.keys(encoders) as EncoderName[]).find((name) => encoders[name].family === family);
}

/**
 * Makes an encoder by name.
 *
 * @param name a key of `registry`.
 * @param options see {@link EncoderOptions}.
 * @param registry default {@link encoders}.
 * @returns a new encoder with random weights; the caller disposes it.
 * @throws on an unknown name (the known ones are listed) or option.
 *
 * @example
 * ```ts
 * const encoder = createEncoder('mobile-face-net', { inputSize: 64, width: 0.5, seed: 1 });
 * const embeddings = encoder.apply(tf.zeros([8, 64, 64, 3])); // [8, 128]
 * ```
 */
export function createEncoder<N extends EncoderName>(name: N, options?: OptionsOfEncoder<N>): DefinedEncoder;
export function createEncoder<R extends EncoderRegistry>(
  name: keyof R & string,
  options: EncoderOptions | undefined,
  registry: R,
): DefinedEncoder;
export function createEncoder(name: string, options?: unknown, registry: EncoderRegistry = encoders): DefinedEncoder {
  return lookUp('createEncoder', 'name', registry, name)(options as EncoderOptions | undefined);
}

/**
 * The card of an encoder that is not made: no tensor is allocated.
 *
 * @example
 * ```ts
 * encoderCard('iresnet50').parameters; // 43590848
 * ```
 */
export function encoderCard<N extends EncoderName>(name: N, options?: OptionsOfEncoder<N>): EncoderCard;
export function encoderCard<R extends EncoderRegistry>(
  name: keyof R & string,
  options: EncoderOptions | undefined,
  registry: R,
): EncoderCard;
export function encoderCard(name: string, options?: unknown, registry: EncoderRegistry = encoders): EncoderCard {
  return lookUp('encoderCard', 'name', registry, name).card(options as EncoderOptions | undefined);
}
