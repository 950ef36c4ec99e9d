import { defineEncoder, type EncoderMaker } from './define-encoder.ts';
import { convolution, type Layer, norm, pointwise, prelu, sizeAfter, stdByOutputs } from './layer.ts';

/** Kernel, channels inside and behind, share of the gate's channels, stride; at the width 1.3 of the publication. */
const bottlenecks = [
  [[3, 20, 20, 0, 1]],
  [[3, 64, 32, 0, 2]],
  [[3, 92, 32, 0, 1]],
  [[5, 92, 52, 0.25, 2]],
  [[5, 156, 52, 0.25, 1]],
  [[3, 312, 104, 0, 2]],
  [
    [3, 260, 104, 0, 1],
    [3, 240, 104, 0, 1],
    [3, 240, 104, 0, 1],
    [3, 624, 144, 0.25, 1],
    [3, 872, 144, 0.25, 1],
  ],
  [[5, 872, 208, 0.25, 2]],
  [
    [5, 1248, 208, 0, 1],
    [5, 1248, 208, 0.25, 1],
    [5, 1248, 208, 0, 1],
    [5, 664, 208, 0.25, 1],
  ],
] as const;

/** A multiple of 4, at least 4: half of it is made by a convolution, the other half from those by cheap ones. */
const fours = (channels: number): number => Math.max(4, Math.round(channels / 4) * 4);

/**
 * GhostFaceNet V1 of width 1.3: bottlenecks of ghost modules, which make half of their channels from the other half by a
 * depthwise convolution, some with squeeze and excitation; then, as MobileFaceNet, a global depthwise convolution and a linear
 * 1x1 convolution to the embedding.
 *
 * Source: Alansari et al., "GhostFaceNets", IEEE Access 11, 2023, and its code github.com/HamadYA/GhostFaceNets
 * (`backbones/ghost_model.py`, `GhostFaceNets.py`) for all sizes; Han et al., "GhostNet", CVPR 2020, arXiv:1911.11907. Names as in
 * GhostNet's PyTorch code, which github.com/Hazqeel09/ellzaf_ml follows. Differs from the Keras code: a PReLU everywhere, as
 * the paper and the training scripts have it (the printed summary has ReLU), one slope a channel; padding of strided
 * convolutions the same on both sides; the gate's `min(max(x + 3, 0), 6) / 6`, GhostNet's, where Keras 2 has a fifth of x;
 * convolutions drawn by the channels behind them, not truncated.
 *
 * @param stride of the first convolution: 1 or 2, the S1 and S2 of the publication
 */
function ghostFaceNet(stride: 1 | 2): EncoderMaker {
  return defineEncoder({
    name: `ghost-face-net-s${stride}`,
    embeddingSize: 512,
    normalization: { mean: 127.5, std: 128 },
    source: 'Alansari et al., GhostFaceNets, IEEE Access 2023; github.com/HamadYA/GhostFaceNets',
    words: {
      sides: `Sides are halved ${stride === 2 ? 'five' : 'four'} times, rounded up.`,
      width: "Multiplies every channel count, rounded to multiples of 4, at least 4; 1 is the publication's width 1.3.",
    },
    layers({ inputSize, embeddingSize, width, dropout }) {
      const stem = fours(20 * width);
      const layers: Layer[] = [
        convolution('conv_stem', 3, stem, { kernel: 3, stride, std: stdByOutputs(9, stem) }),
        norm('bn1', stem),
        prelu('act1', stem),
      ];
      let channels = stem;
      for (const [stage, blocks] of bottlenecks.entries()) {
        for (const [i, [kernel, inner, outer, share, step]] of blocks.entries()) {
          const outputs = fours(outer * width);
          const sizes = { inputs: channels, inner: fours(inner * width), outputs };
          layers.push(bottleneck(`blocks.${stage}.${i}`, { ...sizes, kernel, share, stride: step }));
          channels = outputs;
        }
      }
      const last = fours(664 * width);
      const behind = `blocks.${bottlenecks.length}.0`;
      layers.push(
        pointwise(`${behind}.conv`, channels, last),
        norm(`${behind}.bn1`, last),
        prelu(`${behind}.act1`, last),
      );
      const kernel = sizeAfter(layers, inputSize);
      const global = { kernel, channels: last, stride: 1, padding: 0, std: stdByOutputs(kernel[0] * kernel[1], 1) };
      layers.push({ kind: 'depthwise', name: 'classifier.conv_dw', ...global }, norm('classifier.bn1', last));
      if (dropout > 0) layers.push({ kind: 'dropout', rate: dropout });
      layers.push(pointwise('classifier.conv', last, embeddingSize), norm('classifier.bn2', embeddingSize));
      return layers;
    },
  });
}

interface Bottleneck {
  readonly inputs: number;
  readonly inner: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: 1 | 2;
  readonly share: number;
}

function bottleneck(name: string, { inputs, inner, outputs, kernel, stride, share }: Bottleneck): Layer {
  const plain = stride === 1 && inputs === outputs;
  return {
    kind: 'residual',
    body: [
      ...ghost(`${name}.ghost1`, inputs, inner, true),
      ...(stride === 1 ? [] : [depthwise(`${name}.conv_dw`, inner, kernel, stride), norm(`${name}.bn_dw`, inner)]),
      ...(share === 0 ? [] : [gate(`${name}.se`, inner, fours(inner * share))]),
      ...ghost(`${name}.ghost2`, inner, outputs, false),
    ],
    shortcut: plain
      ? []
      : [
          depthwise(`${name}.shortcut.0`, inputs, kernel, stride),
          norm(`${name}.shortcut.1`, inputs),
          pointwise(`${name}.shortcut.2`, inputs, outputs),
          norm(`${name}.shortcut.3`, outputs),
        ],
  };
}

function ghost(name: string, inputs: number, outputs: number, activated: boolean): Layer[] {
  const half = outputs / 2;
  const [primary, cheap] = [`${name}.primary_conv`, `${name}.cheap_operation`];
  const behind = (part: string): Layer[] => [norm(`${part}.1`, half), ...(activated ? [prelu(`${part}.2`, half)] : [])];
  return [
    pointwise(`${primary}.0`, inputs, half),
    ...behind(primary),
    { kind: 'concatenation', body: [depthwise(`${cheap}.0`, half, 3, 1), ...behind(cheap)] },
  ];
}

function gate(name: string, channels: number, squeezed: number): Layer {
  return {
    kind: 'gate',
    of: 'hard-sigmoid',
    body: [
      { ...pointwise(`${name}.conv_reduce`, channels, squeezed), bias: true },
      prelu(`${name}.act1`, squeezed),
      { ...pointwise(`${name}.conv_expand`, squeezed, channels), bias: true },
    ],
  };
}

function depthwise(name: string, channels: number, kernel: number, stride: 1 | 2): Layer {
  const padding = (kernel - 1) / 2;
  const std = stdByOutputs(kernel ** 2, 1);
  return { kind: 'depthwise', name, kernel: [kernel, kernel], channels, stride, padding, std };
}

/** GhostFaceNetV1-1.3-1. 4.1 M parameters, 212 M MACs at 112x112, D = 512. */
export const ghostFaceNetS1: EncoderMaker = ghostFaceNet(1);

/** GhostFaceNetV1-1.3-2. 4.0 M parameters, 59 M MACs at 112x112, D = 512. */
export const ghostFaceNetS2: EncoderMaker = ghostFaceNet(2);
