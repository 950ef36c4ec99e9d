/**
 * Embeddings that NumPy saved, measured: `npx tsx --conditions=@protomem/source examples/npy.ts EMBEDDINGS.npy LABELS.npy`, or
 * alone with made ones, which it writes as `embeddings.npy` and `labels.npy`.
 */
import { writeFile } from 'node:fs/promises';
import { Random } from '@protomem/core';
import { npyHeader, readNpy } from '@protomem/data';
import { pairScores, tarAtFar, verification } from '@protomem/evaluation';

let [embeddingsFile, labelsFile] = process.argv.slice(2);
if (embeddingsFile === undefined || labelsFile === undefined) {
  // As `numpy.save('embeddings.npy', embeddings.astype('float32'))` writes them: [N, width]; labels [N].
  [embeddingsFile, labelsFile] = ['embeddings.npy', 'labels.npy'];
  const random = new Random(1);
  const centres = Array.from({ length: 100 * 16 }, () => random.normal());
  const rows = Float32Array.from(
    { length: 400 * 16 },
    (_, i) => centres[(i >> 6) * 16 + (i % 16)]! + 0.7 * random.normal(),
  );
  await writeFile(embeddingsFile, [npyHeader([400, 16]), new Uint8Array(rows.buffer)]);
  const owners = Float32Array.from({ length: 400 }, (_, i) => i >> 2);
  await writeFile(labelsFile, [npyHeader([400]), new Uint8Array(owners.buffer)]);
}
const { shape, values } = await readNpy(embeddingsFile);
const owners = (await readNpy(labelsFile)).values;
const [rows, width] = shape as [number, number];
if (owners.length !== rows) throw new Error(`${owners.length} labels for ${rows} embeddings`);

// Every pair there is; of many thousands of images, draw some.
const pairs: number[] = [];
for (let i = 0; i < rows; i++) for (let j = i + 1; j < rows; j++) pairs.push(i, j);
const scores = pairScores(values, width, Int32Array.from(pairs));
const same = Uint8Array.from(scores, (_, i) => Number(owners[pairs[2 * i]!] === owners[pairs[2 * i + 1]!]));
const positives = same.reduce((sum, one) => sum + one, 0);
console.log(
  `${rows} embeddings of width ${width}: ${positives} pairs of one person, ${same.length - positives} of two`,
);
for (const far of [1e-2, 1e-3, 1e-4]) {
  const { tar } = tarAtFar(scores, same, far);
  console.log(`TAR@FAR ${far}: ${tar !== null ? `${(100 * tar).toFixed(1)} %` : 'too few pairs of strangers to tell'}`);
}

// Accuracy as LFW has it: as many pairs of strangers as of one person, ten folds, each kind dealt in turn.
const every = Math.floor((same.length - positives) / positives);
let strangers = 0;
const chosen = Array.from(same.keys()).filter((i) => same[i] === 1 || strangers++ % every === 0);
const balanced = {
  scores: Float32Array.from(chosen, (i) => scores[i]!),
  same: Uint8Array.from(chosen, (i) => same[i]!),
};
const { accuracy, standardError } = verification(balanced.scores, balanced.same, { folds: 10, split: 'interleaved' });
console.log(`accuracy ${(100 * accuracy).toFixed(1)} ± ${(100 * standardError).toFixed(1)} %`);
