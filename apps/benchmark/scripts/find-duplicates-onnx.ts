/**
 * Looks for people who are in a folder under two names, by somebody else's face encoder, an ONNX file.
 *
 *   npx tsx --conditions=@protomem/source apps/benchmark/scripts/find-duplicates-onnx.ts MODEL IMAGES WORK [THRESHOLD]
 *
 * MODEL      input [1, 3, 112, 112], RGB, (x - 127.5) / 128; output one embedding
 * IMAGES     folder of folders, IMAGES/Name/Name_0001.jpg, aligned, 112 x 112
 * WORK       folder for the embeddings, which a second call goes on with, and for duplicates.json
 * THRESHOLD  cosine of two images from which on their identities are suspected; default 0.7
 */
import { mkdir, open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@protomem/core/node';
import { loadEngine } from '@protomem/engine';
import { findDuplicateIdentities } from '@protomem/mining';
import * as tf from '@tensorflow/tfjs';
import * as ort from 'onnxruntime-web';
import sharp from 'sharp';

const SIZE = 112;
const [modelPath, imagesPath, workPath, thresholdText = '0.7'] = process.argv.slice(2);
if (!modelPath || !imagesPath || !workPath) {
  console.error('find-duplicates-onnx: expected MODEL IMAGES WORK [THRESHOLD].');
  process.exit(1);
}
await mkdir(workPath, { recursive: true });

const names = (await readdir(imagesPath, { withFileTypes: true }))
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();
const images: { readonly identity: number; readonly path: string }[] = [];
for (const [identity, name] of names.entries()) {
  for (const file of (await readdir(join(imagesPath, name))).sort()) images.push({ identity, path: join(name, file) });
}

ort.env.wasm.numThreads = Number(process.env.THREADS ?? 1);
const session = await ort.InferenceSession.create(await readFile(modelPath), { executionProviders: ['wasm'] });
const [inputName, outputName] = [session.inputNames[0]!, session.outputNames[0]!];
const dimension = (await embed(new Float32Array(3 * SIZE * SIZE))).length;

// Rows are appended one by one, so that a call that was killed loses the row under way and no more.
const path = join(workPath, 'embeddings.f32');
const file = await open(path, 'a');
const done = Math.floor((await file.stat()).size / (4 * dimension));
await file.truncate(done * 4 * dimension);
for (let row = done; row < images.length; row++) {
  const image = join(imagesPath, images[row]!.path);
  const upright = await embed(await planes(image, false));
  const mirrored = await embed(await planes(image, true));
  await file.appendFile(new Uint8Array(upright.map((value, i) => value + mirrored[i]!).buffer));
  if ((row + 1) % 500 === 0) console.log(`${row + 1} of ${images.length} images`);
}
await file.close();

await loadEngine();
const bytes = await readFile(path);
const embeddings = tf.tensor2d(new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4), [
  images.length,
  dimension,
]);
const labels = images.map(({ identity }) => identity);
const found = findDuplicateIdentities(embeddings, labels, { threshold: Number(thresholdText) });
const list = found.map(({ a, b, cosine, images: [i, j], pairs }) => ({
  a: names[a]!,
  b: names[b]!,
  cosine: Number(cosine.toFixed(4)),
  images: [images[i]!.path, images[j]!.path],
  pairs,
}));
await writeFileAtomic(join(workPath, 'duplicates.json'), `${JSON.stringify(list, null, 2)}\n`);
for (const { a, b, cosine, pairs } of list) console.log(`${cosine.toFixed(4)}  ${a}  ${b}  (${pairs} pairs of images)`);
console.log(
  `${list.length} pairs of names from ${thresholdText} on, of ${names.length} names and ${images.length} images`,
);

/** Decoded, normalized, one plane a channel. */
async function planes(image: string, mirror: boolean): Promise<Float32Array> {
  const data = await sharp(image).toColourspace('srgb').removeAlpha().flop(mirror).raw().toBuffer();
  const values = new Float32Array(3 * SIZE * SIZE);
  for (let channel = 0; channel < 3; channel++) {
    for (let i = 0; i < SIZE * SIZE; i++) values[channel * SIZE * SIZE + i] = (data[3 * i + channel]! - 127.5) / 128;
  }
  return values;
}

async function embed(input: Float32Array): Promise<Float32Array> {
  const results = await session.run({ [inputName]: new ort.Tensor('float32', input, [1, 3, SIZE, SIZE]) });
  return results[outputName]!.data as Float32Array;
}
