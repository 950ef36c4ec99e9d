import { writeDataset } from '@protomem/data';
import { createEncoder, saveEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { evaluateModel } from '@protomem/protocols';
import { syntheticFaces } from '@protomem/synthetic';

await loadEngine();
// An encoder that has learnt nothing, and a few drawn people: yours stand here.
const encoder = createEncoder('mobile-face-net', { inputSize: 32, embeddingSize: 16, width: 0.5 });
await saveEncoder(encoder, 'encoder.safetensors');
await writeDataset(syntheticFaces({ identities: 4, imagesPerIdentity: 3, seed: 1 }), 'people', { format: 'folder' });

const { summary, by, notes, outcome } = await evaluateModel('encoder.safetensors', 'retrieval', { images: 'people' });
console.log(summary, by, notes);
if (outcome.kind === 'retrieval') console.log(outcome.result.recall);

export {};
