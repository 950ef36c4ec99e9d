/**
 * 1:N at scale: exact search of a gallery by blocked matrix product, and by a graph of neighbours with its recall.
 * The gallery is made of random unit vectors; a query is one of them with so much noise that their cosine is about 0.6.
 *
 *   node --import tsx --conditions=@protomem/source apps/benchmark/scripts/search-million.ts [ROWS] [WIDTH] [QUERIES]
 */
import { cpus } from 'node:os';
import { Random } from '@protomem/core';
import { loadEngine } from '@protomem/engine';
import { approximateIndex, nearestNeighbors, neighborRecall } from '@protomem/evaluation';
import { normalizeRows, tensorProduct } from '@protomem/protocols';

const [rows = 1_000_000, width = 128, queries = 1000] = process.argv.slice(2).map(Number);
const { engine } = await loadEngine({});
console.log(`${rows} x ${width}, ${queries} queries; ${cpus()[0]!.model}, ${cpus().length} cores, ${engine}`);
const random = new Random(1);
const gallery = new Float32Array(rows * width);
for (let i = 0; i < gallery.length; i++) gallery[i] = random.normal();
normalizeRows(gallery, width);
const noise = 4 / 3 / Math.sqrt(width);
const asked = Float32Array.from({ length: queries * width }, (_, i) => {
  const row = Math.floor(((Math.floor(i / width) + 0.5) * rows) / queries);
  return gallery[row * width + (i % width)]! + random.normal(0, noise);
});
normalizeRows(asked, width);

async function timed<T>(what: string, run: () => T | Promise<T>): Promise<T> {
  const begun = performance.now();
  const result = await run();
  console.log(`${what}: ${((performance.now() - begun) / 1000).toFixed(2)} s`);
  return result;
}

const exact = await timed('exact, 10 nearest', () =>
  nearestNeighbors(asked, gallery, width, 10, { product: tensorProduct }),
);
const first = Array.from({ length: queries }, (_, q) => exact.rows[10 * q]!);
const own = first.filter((row, q) => row === Math.floor(((q + 0.5) * rows) / queries)).length;
console.log(`the query's own row is the nearest of ${own} of ${queries}`);
for (const expansionSearch of [64, 256]) {
  const index = await timed(`index (expansionSearch ${expansionSearch})`, () =>
    approximateIndex(gallery, width, { expansionSearch }),
  );
  const found = await timed('approximate, 10 nearest', () => index.search(asked, 10));
  const nearest = first.filter((row, q) => row === found.rows[10 * q]).length;
  console.log(
    `recall of 10: ${neighborRecall(found.rows, exact.rows, 10).toFixed(4)}; of the nearest: ${nearest / queries}`,
  );
}
