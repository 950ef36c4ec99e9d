import { check, option, part } from '@protomem/core';
import { type DefinedEncoder, over } from './define-encoder.ts';
import { type Layer, weightsOf } from './layer.ts';

const fineTuningOptions = {
  encoder: option.given<DefinedEncoder>()({ help: 'Of `createEncoder`, `loadEncoder` or `defineEncoder`.' }),
  /** `layer1` stands for all blocks of the stage, `layer1.0` for its first one, `bn1` for a layer. */
  freeze: option.texts({
    help: 'Layers that stay as they are, by name or by the first part of it; running statistics too.',
    default: [],
  }),
  /** 1 leaves only the head to train: a linear probe. */
  freezeDepth: option.number({
    help: "Share of the encoder's blocks that stay as they are, counted from the image; 1: all.",
    ...{ min: 0, max: 1, default: 0 },
  }),
  firstLayerRate: option.number({
    help: "Learning rate of the first block as a share of the last one's and the head's; it rises geometrically between.",
    ...{ min: Number.MIN_VALUE, max: 1, default: 1 },
  }),
};

/**
 * An encoder that is to be trained further: some of it frozen, early blocks at a lower rate. A block is what the names of its
 * layers say: `layer1.0` of an IResNet, `blocks.3` of a MobileFaceNet, or a layer by itself. Frozen norms use their running
 * statistics in training, and leave them alone.
 *
 * @param settings.encoder of a view that this made, the variables alone count: what was frozen may be trained again, as in
 * gradual unfreezing. The trainer and its optimizer are made anew for each view.
 * @returns a view of the same variables: trained through it, `encoder` changes too; dispose one of the two.
 * @throws ProtomemError when a name of `freeze` is that of no layer; the blocks are listed.
 *
 * @example
 * ```ts
 * const encoder = await loadEncoder('face.safetensors');
 * const tuned = forFineTuning({ encoder, freeze: ['conv1', 'bn1', 'layer1'], firstLayerRate: 0.1 });
 * ```
 *
 * Source: Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", ACL 2018 (rates by depth); of what
 * frozen norms do: as Keras has it since TensorFlow 2. Differs from the former: a share for the whole depth in place of a factor
 * for each layer, so that it means the same for encoders of any depth.
 */
export const forFineTuning = part('forFineTuning', fineTuningOptions, (settings): DefinedEncoder => {
  const { encoder, freeze, freezeDepth, firstLayerRate } = settings;
  const names = encoder.layers.flatMap(namesOf);
  const blocks = [...new Set(names.map(blockOf))];
  for (const name of freeze) {
    check(names.some(startsWith(name)), () => ({
      where: 'forFineTuning',
      what: 'freeze',
      got: name,
      expected: `layers of ${encoder.card.name}, by name or the first part of it: ${blocks.join(', ')}`,
    }));
  }
  const depthOf = (layer: string): number => blocks.indexOf(blockOf(layer));
  const below = Math.round(freezeDepth * blocks.length);
  const frozen = new Set(
    names.filter((layer) => depthOf(layer) < below || freeze.some((name) => startsWith(name)(layer))),
  );
  const rateAt = (depth: number): number => firstLayerRate ** (1 - depth / Math.max(1, blocks.length - 1));
  const whole = weightsOf(encoder.layers);
  const parameters = encoder.parameters.map(({ name, variable, decay }, i) => {
    const layer = layerOf(name);
    const rate = rateAt(depthOf(layer));
    // What a view says of it is of that view alone.
    const { trainable } = whole[i]!;
    return { name, variable, decay, rate, ...(frozen.has(layer) ? { trainable: false, frozen: true } : { trainable }) };
  });
  const { card, options, layers, folded } = encoder;
  return over({ card, options, layers, folded, parameters, frozen });
});

/** Names of the layers that own weights, from the image on. */
const namesOf = (layer: Layer): string[] => [...new Set(weightsOf([layer]).map(({ name }) => layerOf(name)))];

const layerOf = (weight: string): string => weight.replace(/\.[^.]+$/, '');

const blockOf = (layer: string): string => /^[^.]+(\.\d+(?=\.))?/.exec(layer)![0];

const startsWith =
  (name: string) =>
  (layer: string): boolean =>
    layer === name || layer.startsWith(`${name}.`);
