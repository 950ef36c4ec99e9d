import { createEncoder } from '@protomem/encoders';
import { encodeModel } from '@protomem/export';

const encoder = createEncoder('mobile-face-net', { inputSize: 32, embeddingSize: 16, width: 0.125 });
const { 'model.onnx': bytes } = await encodeModel(encoder, { to: 'onnx' });
const file = new Blob([bytes!]); // a page's <a download="face.onnx" href={URL.createObjectURL(file)}>
console.log(file.size === bytes!.length); // true

export {};
