import { convolution, createEncoder, defineEncoder, encoders, norm, prelu } from '@protomem/encoders';

const tiny = defineEncoder({
  name: 'tiny',
  embeddingSize: 32,
  normalization: { mean: 127.5, std: 127.5 },
  source: 'ours',
  layers: ({ inputSize: [height, width], embeddingSize }) => [
    convolution('conv', 3, 8, { kernel: 3, stride: 2, std: 0.1 }),
    norm('bn', 8),
    prelu('prelu', 8),
    { kind: 'dense', name: 'fc', inputs: [Math.ceil(height / 2), Math.ceil(width / 2), 8], outputs: embeddingSize },
  ],
});
const registry = { ...encoders, tiny };
const encoder = createEncoder('tiny', { inputSize: 32 }, registry); // and loadEncoder(path, registry)

export {};
