import { createEncoder, loadEncoder, saveEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { exportEncoder, importEncoder } from '@protomem/export';

await loadEngine();
// An encoder that has learnt nothing: the folder of a run stands here.
const size = { inputSize: 32, embeddingSize: 16, width: 0.125 };
await saveEncoder(createEncoder('mobile-face-net', size), 'encoder.safetensors');

const { agreement } = await exportEncoder('encoder.safetensors', 'face.onnx', { to: 'onnx', licence: 'Apache-2.0' });
console.log(agreement.lowest >= 0.9999); // true

const { agreement: same } = await importEncoder('face.onnx', 'back.safetensors', { as: 'mobile-face-net', ...size });
console.log(same && same.lowest >= 0.9999); // true
const back = await loadEncoder('back.safetensors'); // trains on
back.dispose();

export {};
