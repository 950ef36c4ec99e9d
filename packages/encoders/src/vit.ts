import { option } from '@protomem/core';
import { defineEncoder, type EncoderMaker } from './define-encoder.ts';
import { type Layer, norm, sizeAfter } from './layer.ts';
import { widened } from './options.ts';

const patch = 9;
const depth = 12;
const heads = 8;
/** Of every linear layer and of the places' vectors. */
const std = 0.02;
/** Of the norms behind the features. */
const epsilon = 2e-5;

const own = {
  dropPath: option.number({
    help: 'Share of images for which, in training, the last block does nothing; it rises from 0 at the first. Less than 1.',
    ...{ min: 0, max: 0.99, default: 0.05 },
  }),
};

/**
 * A vision transformer for faces: patches of 9x9 pixels, a vector for each place, twelve blocks of attention and of a layer
 * four times as wide with ReLU6, each behind a layer norm and beside a shortcut. All tokens side by side, none of them a
 * class's, go through two linear layers with batch norms to the embedding. Pixels beyond the last whole patch are not seen:
 * of 112x112 the last 4 rows and columns.
 *
 * Source: Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, arXiv:2010.11929, as InsightFace's
 * `arcface_torch/backbones/vit.py` has it, with what `vit_t_dp005_mask0` and `vit_s_dp005_mask_0` set for WebFace42M; names,
 * epsilons and initialization of linear layers are that file's. Differs: no `mask_token`, which those two never use (the
 * exporter writes it for PyTorch, as zeros); patches start with a normal distribution of the same variance as PyTorch's
 * uniform one, and biases of 0; float32 throughout.
 */
function vit(name: string, channels: number): EncoderMaker<typeof own> {
  return defineEncoder({
    name,
    embeddingSize: 512,
    normalization: { mean: 127.5, std: 127.5 },
    source:
      'Dosovitskiy et al., An Image is Worth 16x16 Words, ICLR 2021, arXiv:2010.11929; InsightFace arcface_torch/backbones/vit.py',
    options: own,
    words: { sides: 'It is cut into patches of 9x9, what is left at the right and below is not seen.' },
    layers({ inputSize, embeddingSize, width, dropout, dropPath }) {
      const wide = widened(channels, width);
      const patches: Layer = {
        ...{ kind: 'convolution', name: 'patch_embed.proj', kernel: [patch, patch], inputs: 3, outputs: wide },
        ...{ stride: patch, padding: 0, std: 1 / Math.sqrt(3 * 3 * patch * patch), bias: true },
      };
      const size = sizeAfter([patches], inputSize);
      const features = wide * size[0] * size[1];
      return [
        patches,
        { kind: 'tokens', name: 'pos_embed', size, channels: wide, std },
        ...Array.from({ length: depth }, (_, i) => block(`blocks.${i}`, wide, (dropPath * i) / (depth - 1))).flat(),
        { kind: 'layer-norm', name: 'norm', channels: wide },
        { kind: 'flatten', features },
        { kind: 'linear', name: 'feature.0', inputs: features, outputs: wide, std },
        { ...norm('feature.1', wide), epsilon },
        ...(dropout > 0 ? [{ kind: 'dropout', rate: dropout } as const] : []),
        { kind: 'linear', name: 'feature.2', inputs: wide, outputs: embeddingSize, std },
        { ...norm('feature.3', embeddingSize), epsilon },
      ];
    },
  });
}

function block(name: string, channels: number, dropPath: number): Layer[] {
  const inner = 4 * channels;
  const dropped: Layer[] = dropPath > 0 ? [{ kind: 'drop-path', rate: dropPath }] : [];
  const beside = (...body: Layer[]): Layer => ({ kind: 'residual', body: [...body, ...dropped], shortcut: [] });
  return [
    beside(
      { kind: 'layer-norm', name: `${name}.norm1`, channels },
      { kind: 'attention', name: `${name}.attn`, channels, heads, std },
    ),
    beside(
      { kind: 'layer-norm', name: `${name}.norm2`, channels },
      { kind: 'linear', name: `${name}.mlp.fc1`, inputs: channels, outputs: inner, std, bias: true },
      { kind: 'activation', of: 'relu6' },
      { kind: 'linear', name: `${name}.mlp.fc2`, inputs: inner, outputs: channels, std, bias: true },
    ),
  ];
}

/** ViT-T: 256 channels. 19.1 M parameters, 1.5 G MACs at 112x112, D = 512. */
export const vitTiny: EncoderMaker<typeof own> = vit('vit-tiny', 256);

/** ViT-S: 512 channels. 76.0 M parameters, 5.7 G MACs at 112x112, D = 512. */
export const vitSmall: EncoderMaker<typeof own> = vit('vit-small', 512);
