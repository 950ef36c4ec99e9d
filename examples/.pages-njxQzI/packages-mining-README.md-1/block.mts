import { Random } from '@protomem/core';
import { createMiner } from '@protomem/mining';

const miner = createMiner({ rows: 1000, lag: 1 }); // lag: batches that a loader plans ahead
miner.observe([
  { id: 7, lookAlike: 3, cosine: 0.4 },
  { id: 7, lookAlike: 5, cosine: 0.9 },
]);
console.log(miner.table.doppelgangersOf(3)); // [ { id: 7, cosine: 0.4, step: 1 } ]
console.log(miner.suspects()); // [ { a: 5, b: 7, cosine: 0.9, step: 1 } ]
console.log(miner.minedClasses({ batch: 2, chosen: [3], wanted: 4, random: new Random(1) })); // [ 7 ]

export {};
