// One contender of the suite `evaluation`: figures of @protomem/evaluation.
import { readFileSync } from 'node:fs';
import { tarAtFars, verification } from '@protomem/evaluation';
import { peak, resetPeak, serve } from '../serve.ts';

const [task, way, scoresFile, labelsFile] = process.argv.slice(2) as [string, string, string, string];
const bytes = readFileSync(scoresFile);
const scores = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
const labels = readFileSync(labelsFile);
const fars = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1];

function run(): number[] {
  if (task === 'tar-at-far') return tarAtFars(scores, labels, fars).map(({ tar }) => tar!);
  const thresholdRule = way === 'grid' ? 'insightface' : 'exact';
  return [verification(scores, labels, { thresholdRule }).accuracy];
}

const repeats = task === 'tar-at-far' ? 1 : 10;
let found: number[] = [];
function step(): number {
  const begun = performance.now();
  for (let i = 0; i < repeats; i++) found = run();
  return (performance.now() - begun) / repeats;
}

const before = resetPeak();
step();
await serve({ engine: 'protomem', version: process.version, threads: 1, precision: 'float32' }, step, () => {
  const names = found.length > 1 ? ['tarAt1e-6', 'tarAt1e-4', 'tarAt1e-2'] : ['accuracy'];
  const figures = names.map((name, i): [string, number] => [name, found[2 * i]!]);
  return { peakMiB: (peak() - before) / 2 ** 20, ...Object.fromEntries(figures) };
});
