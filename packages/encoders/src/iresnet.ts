import { defineEncoder, type EncoderMaker } from './define-encoder.ts';
import { convolution, type Layer, norm, prelu, sizeAfter } from './layer.ts';
import { widened } from './options.ts';

/** Convolutions start as in the source. Batch norm follows each of them, so the scale sets the pace and not the signal. */
const std = 0.1;

/**
 * IResNet with the given number of blocks in its four stages: a 3x3 stem, blocks of norm, 3x3, norm, PReLU, 3x3, norm
 * beside the shortcut, then norm, dropout, a linear layer on the flattened maps, and a norm whose scale stays 1. Each
 * stage halves height and width (rounded up) in the second convolution of its first block.
 *
 * Source: Deng et al., "ArcFace", CVPR 2019, section 3.1 (the "E-IR" network), as InsightFace's
 * `arcface_torch/backbones/iresnet.py` has it; names, padding, epsilon, momentum and initialization are that file's.
 * Differs: the flattened maps have the channel last, so `fc.weight` is stored as `[height, width, channels, D]`.
 *
 * @param excitation each block weighs its channels before the sum, by a sixteenth as many numbers: Hu et al.,
 * "Squeeze-and-Excitation Networks", CVPR 2018, section 3, as InsightFace's MXNet code has it (`version_se` of `fresnet.py`),
 * with the names of github.com/fdbtrs/ElasticFace `backbones/iresnet.py`.
 */
function iresnet(
  depth: number,
  blocks: readonly [number, number, number, number],
  { excitation = false }: { readonly excitation?: boolean } = {},
): EncoderMaker {
  return defineEncoder({
    name: `iresnet${depth}${excitation ? '-se' : ''}`,
    embeddingSize: 512,
    normalization: { mean: 127.5, std: 127.5 },
    source: `Deng et al., ArcFace, CVPR 2019, arXiv:1801.07698; InsightFace arcface_torch/backbones/iresnet.py${
      excitation ? '; Hu et al., Squeeze-and-Excitation Networks, CVPR 2018; github.com/fdbtrs/ElasticFace' : ''
    }`,
    layers({ inputSize, embeddingSize, width, dropout }) {
      const stem = widened(64, width);
      const layers: Layer[] = [
        convolution('conv1', 3, stem, { kernel: 3, std }),
        norm('bn1', stem),
        prelu('prelu', stem),
      ];
      let channels = stem;
      for (const [stage, count] of blocks.entries()) {
        const outputs = widened(64 * 2 ** stage, width);
        for (let block = 0; block < count; block++) {
          const name = `layer${stage + 1}.${block}`;
          layers.push(residualBlock(name, channels, outputs, block === 0 ? 2 : 1, excitation));
          channels = outputs;
        }
      }
      layers.push(norm('bn2', channels));
      if (dropout > 0) layers.push({ kind: 'dropout', rate: dropout });
      const maps = [...sizeAfter(layers, inputSize), channels] as const;
      layers.push({ kind: 'dense', name: 'fc', inputs: maps, outputs: embeddingSize });
      layers.push(norm('features', embeddingSize, false));
      return layers;
    },
  });
}

function residualBlock(name: string, inputs: number, outputs: number, stride: 1 | 2, excitation: boolean): Layer {
  return {
    kind: 'residual',
    body: [
      norm(`${name}.bn1`, inputs),
      convolution(`${name}.conv1`, inputs, outputs, { kernel: 3, std }),
      norm(`${name}.bn2`, outputs),
      prelu(`${name}.prelu`, outputs),
      convolution(`${name}.conv2`, outputs, outputs, { kernel: 3, stride, std }),
      norm(`${name}.bn3`, outputs),
      ...(excitation ? [gate(`${name}.se_block`, outputs)] : []),
    ],
    shortcut:
      stride === 1
        ? []
        : [
            convolution(`${name}.downsample.0`, inputs, outputs, { kernel: 1, stride, std }),
            norm(`${name}.downsample.1`, outputs),
          ],
  };
}

function gate(name: string, channels: number): Layer {
  const squeezed = Math.max(1, Math.floor(channels / 16));
  return {
    kind: 'gate',
    of: 'sigmoid',
    body: [
      convolution(`${name}.fc1`, channels, squeezed, { kernel: 1, std }),
      { kind: 'activation', of: 'relu' },
      convolution(`${name}.fc2`, squeezed, channels, { kernel: 1, std }),
    ],
  };
}

/** IResNet-18: blocks 2, 2, 2, 2. 24.0 M parameters, 2.6 G MACs at 112x112, D = 512. */
export const iresnet18: EncoderMaker = iresnet(18, [2, 2, 2, 2]);

/** IResNet-34: blocks 3, 4, 6, 3. 34.1 M parameters, 4.5 G MACs at 112x112, D = 512. */
export const iresnet34: EncoderMaker = iresnet(34, [3, 4, 6, 3]);

/** IResNet-50: blocks 3, 4, 14, 3 (no bottlenecks). 43.6 M parameters, 6.3 G MACs at 112x112, D = 512. */
export const iresnet50: EncoderMaker = iresnet(50, [3, 4, 14, 3]);

/** IResNet-100: blocks 3, 13, 30, 3. 65.2 M parameters, 12.1 G MACs at 112x112, D = 512. */
export const iresnet100: EncoderMaker = iresnet(100, [3, 13, 30, 3]);

/** IResNet-18 with squeeze and excitation. 24.1 M parameters, 2.6 G MACs at 112x112, D = 512. */
export const iresnet18Se: EncoderMaker = iresnet(18, [2, 2, 2, 2], { excitation: true });

/** IResNet-50 with squeeze and excitation. 43.8 M parameters, 6.3 G MACs at 112x112, D = 512. */
export const iresnet50Se: EncoderMaker = iresnet(50, [3, 4, 14, 3], { excitation: true });
