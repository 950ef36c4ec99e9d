/**
 * Evaluates somebody else's face encoder, an ONNX file, on an LFW pair list with our own arithmetic.
 *
 *   npx tsx --conditions=@protomem/source apps/train/scripts/evaluate-onnx.ts MODEL IMAGES PAIRS [SCORES]
 *
 * MODEL   input [1, 3, 112, 112], RGB, (x - 127.5) / 128; output one embedding
 * IMAGES  folder of folders, IMAGES/Name/Name_0001.jpg, aligned, 112 x 112
 * PAIRS   LFW pair list
 * SCORES  written when given: one line a pair, score, tab, label
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readLfwPairs } from '@protomem/data';
import { pairScores, type Verification, verificationReport } from '@protomem/evaluation';
import * as ort from 'onnxruntime-web';
import sharp from 'sharp';

const SIZE = 112;
const [modelPath, imagesPath, pairsPath, scoresPath] = process.argv.slice(2);
if (!modelPath || !imagesPath || !pairsPath) {
  console.error('evaluate-onnx: expected MODEL IMAGES PAIRS [SCORES].');
  process.exit(1);
}

const { pairs } = await readLfwPairs(pairsPath);
const files = [...new Set(pairs.flatMap(({ a, b }) => [a, b]))];
const rowOf = new Map(files.map((file, row) => [file, row]));

ort.env.wasm.numThreads = Number(process.env.THREADS ?? 1);
const session = await ort.InferenceSession.create(await readFile(modelPath), { executionProviders: ['wasm'] });
const [inputName, outputName] = [session.inputNames[0]!, session.outputNames[0]!];

const started = performance.now();
const embeddings: Float32Array[] = [];
for (const [row, file] of files.entries()) {
  const upright = await embed(await planes(join(imagesPath, file), false));
  const mirrored = await embed(await planes(join(imagesPath, file), true));
  embeddings.push(upright.map((value, i) => value + mirrored[i]!));
  if ((row + 1) % 500 === 0 || row + 1 === files.length) {
    const seconds = (performance.now() - started) / 1000;
    console.log(`${row + 1} of ${files.length} images, ${seconds.toFixed(0)} s`);
  }
}

const dimension = embeddings[0]!.length;
const all = new Float32Array(files.length * dimension);
for (const [row, embedding] of embeddings.entries()) all.set(embedding, row * dimension);
const rows = pairs.flatMap(({ a, b }) => [rowOf.get(a)!, rowOf.get(b)!]);
const scores = pairScores(all, dimension, rows);
const labels = pairs.map((pair) => pair.same);

const exact = verificationReport(scores, labels, { arithmetic: 'exact' });
const grid = verificationReport(scores, labels);
const percent = (result: Verification): string =>
  `${(100 * result.accuracy).toFixed(2)} ± ${(100 * result.standardDeviation).toFixed(2)} % (standard deviation over folds)`;
console.log(`accuracy, exact thresholds        ${percent(exact)}`);
console.log(`accuracy, InsightFace's thresholds ${percent(grid)}`);
for (const { far, tar } of exact.tarAtFar)
  console.log(`TAR@FAR=${far}  ${tar === null ? 'unreachable' : tar.toFixed(4)}`);
console.log(`EER ${exact.equalErrorRate.toFixed(4)}  AUC ${exact.areaUnderCurve.toFixed(5)}`);
if (scoresPath) {
  await writeFile(scoresPath, [...scores].map((score, i) => `${score.toFixed(6)}\t${labels[i] ? 1 : 0}\n`).join(''));
}

/** Decoded, normalized, one plane a channel. */
async function planes(file: string, mirror: boolean): Promise<Float32Array> {
  const { data } = await sharp(file).toColourspace('srgb').removeAlpha().flop(mirror).raw().toBuffer({
    resolveWithObject: true,
  });
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
