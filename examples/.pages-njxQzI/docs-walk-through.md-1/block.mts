import { loadEncoder } from '@protomem/encoders';

const encoder = await loadEncoder('run/encoder.safetensors'); // encoder.apply(images [B, 64, 64, 3]) -> [B, 128]

export {};
