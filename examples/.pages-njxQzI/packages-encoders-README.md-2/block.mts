import { createEncoder, forFineTuning } from '@protomem/encoders';

const start = createEncoder('iresnet18', { inputSize: 32, width: 0.125 }); // or loadEncoder
const tuned = forFineTuning({ encoder: start, freeze: ['conv1', 'bn1', 'layer1'], firstLayerRate: 0.1 });
tuned.parameters.filter(({ trainable }) => trainable).map(({ name }) => name); // from layer2.0 on

export {};
