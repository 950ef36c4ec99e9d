import { mkdir, readFile } from 'node:fs/promises';
import { alignFolder, alignPhoto, humanDetector, readPhoto } from '@protomem/alignment';
import { syntheticFaces } from '@protomem/synthetic';
import * as tf from '@tensorflow/tfjs';
import sharp from 'sharp';

// Yours is a folder of photos; here it has a drawn face, on a wide picture.
const { bytes } = await syntheticFaces({ identities: 1, imagesPerIdentity: 1, seed: 3, size: 300 }).load(0, 0);
await mkdir('photos/Ada', { recursive: true });
await sharp(bytes).extend({ left: 150, right: 150, background: '#889' }).jpeg().toFile('photos/Ada/1.jpg');

await tf.setBackend('cpu'); // or loadEngine() of @protomem/engine, which is faster
const detect = await humanDetector();
const { outcome, landmarks } = await alignPhoto(await readPhoto(await readFile('photos/Ada/1.jpg')), detect);
console.log(outcome, landmarks);

const summary = await alignFolder('photos', 'faces', { detect, detector: 'human' });
console.log(`${summary.aligned} of ${summary.photos} aligned; left-out.tsv names the others`);

export {};
