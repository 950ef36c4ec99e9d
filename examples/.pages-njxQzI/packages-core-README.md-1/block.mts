import { writeFile } from 'node:fs/promises';
import { encodeSafetensors, Random } from '@protomem/core';

const random = new Random(7);
const data = Float32Array.from({ length: 6 }, () => random.normal());
const tensors = { weights: { dtype: 'F32', shape: [2, 3], data } } as const;
await writeFile('weights.safetensors', Buffer.concat(encodeSafetensors({ tensors, metadata: {} })));

export {};
