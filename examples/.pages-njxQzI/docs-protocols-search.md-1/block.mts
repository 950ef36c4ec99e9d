import { Random } from '@protomem/core';
import { approximateIndex, nearestNeighbors, neighborRecall } from '@protomem/evaluation';

const random = new Random(1);
const width = 16;
const unit = (rows: number) => {
  const values = Float32Array.from({ length: rows * width }, () => random.normal());
  for (let at = 0; at < values.length; at += width) {
    const length = Math.hypot(...values.subarray(at, at + width));
    for (let k = 0; k < width; k++) values[at + k]! /= length;
  }
  return values;
};
const [gallery, queries] = [unit(2000), unit(50)];
const exact = await nearestNeighbors(queries, gallery, width, 5);
const index = await approximateIndex(gallery, width, { expansionSearch: 256, precision: 'f32' });
const recall = neighborRecall(index.search(queries, 5).rows, exact.rows, 5);
console.log(`${exact.rows.length / 5} queries, ${recall > 0.95 ? 'more' : 'less'} than 95 % of the neighbours found`);

export {};
