import { defineEncoder, type EncoderMaker } from './define-encoder.ts';
import { convolution, type Layer, norm, pointwise, prelu, type Size, sizeAfter, stdByOutputs } from './layer.ts';
import { widened } from './options.ts';

/** Table 1 of the paper: expansion, output channels, repeats, stride of the first. */
const bottlenecks = [
  [2, 64, 5, 2],
  [4, 128, 1, 2],
  [2, 128, 6, 1],
  [4, 128, 1, 2],
  [2, 128, 2, 1],
] as const;

/**
 * MobileFaceNet: inverted residual bottlenecks with PReLU, then a global depthwise convolution in place of average
 * pooling and a linear 1x1 convolution to the embedding. 0.99 M parameters, 221 M MACs at 112x112, D = 128.
 *
 * Source: Chen, Liu, Gao and Han, "MobileFaceNets", CCBR 2018, arXiv:1804.07573, Table 1 and section 3. Names and
 * initialization follow github.com/Xiaoccer/MobileFaceNet_Pytorch, with the paper's global kernel (7x7 at 112x112; that
 * repository has 7x6 for 112x96). Differs: one weight decay for all layers, where the paper gives the last ones 10 times
 * more; dropout before the last layer is an option that the paper does not have.
 */
export const mobileFaceNet: EncoderMaker = defineEncoder({
  // As files have it.
  name: 'mobilefacenet',
  embeddingSize: 128,
  normalization: { mean: 127.5, std: 128 },
  source: 'Chen et al., MobileFaceNets, CCBR 2018, arXiv:1804.07573; github.com/Xiaoccer/MobileFaceNet_Pytorch',
  layers({ inputSize, embeddingSize, width, dropout }) {
    const stem = widened(64, width);
    const last = widened(512, width);
    const layers: Layer[] = [
      convolution('conv1.conv', 3, stem, { kernel: 3, stride: 2, std: stdByOutputs(9, stem) }),
      norm('conv1.bn', stem),
      prelu('conv1.prelu', stem),
      depthwise('dw_conv1.conv', stem, 1),
      norm('dw_conv1.bn', stem),
      prelu('dw_conv1.prelu', stem),
    ];
    let channels = stem;
    let index = 0;
    for (const [expansion, outputs, repeats, stride] of bottlenecks) {
      for (let i = 0; i < repeats; i++) {
        const wide = widened(outputs, width);
        layers.push(...bottleneck(`blocks.${index++}.conv`, channels, expansion, wide, i === 0 ? stride : 1));
        channels = wide;
      }
    }
    layers.push(
      pointwise('conv2.conv', channels, last),
      norm('conv2.bn', last),
      prelu('conv2.prelu', last),
      globalDepthwise('linear7.conv', last, sizeAfter(layers, inputSize)),
      norm('linear7.bn', last),
    );
    if (dropout > 0) layers.push({ kind: 'dropout', rate: dropout });
    layers.push(pointwise('linear1.conv', last, embeddingSize), norm('linear1.bn', embeddingSize));
    return layers;
  },
});

function bottleneck(name: string, inputs: number, expansion: number, outputs: number, stride: 1 | 2): Layer[] {
  const inner = inputs * expansion;
  const body = [
    pointwise(`${name}.0`, inputs, inner),
    norm(`${name}.1`, inner),
    prelu(`${name}.2`, inner),
    depthwise(`${name}.3`, inner, stride),
    norm(`${name}.4`, inner),
    prelu(`${name}.5`, inner),
    pointwise(`${name}.6`, inner, outputs),
    norm(`${name}.7`, outputs),
  ];
  return stride === 1 && inputs === outputs ? [{ kind: 'residual', body, shortcut: [] }] : body;
}

function depthwise(name: string, channels: number, stride: 1 | 2): Layer {
  return { kind: 'depthwise', name, kernel: [3, 3], channels, stride, padding: 1, std: stdByOutputs(9, channels) };
}

/** One kernel as large as the maps: a learnt weighting of the places, for each channel. */
function globalDepthwise(name: string, channels: number, kernel: Size): Layer {
  const std = stdByOutputs(kernel[0] * kernel[1], channels);
  return { kind: 'depthwise', name, kernel, channels, stride: 1, padding: 0, std };
}
