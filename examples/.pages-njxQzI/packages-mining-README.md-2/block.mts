import { hardestColumns, hardImages, doppelgangersFromSimilarities } from '@protomem/mining';

const similarities = [
  [1.0, 0.6, 0.1],
  [0.6, 1.0, 0.2],
  [0.1, 0.2, 1.0],
];
const table = doppelgangersFromSimilarities(similarities, [10, 20, 30], { doppelgangers: 1 });
console.log(table.doppelgangersOf(30)); // [ { id: 20, cosine: 0.2, step: 1 } ]
console.log(hardestColumns([[0.9, 0.2, 0.5]], [0], { count: 1 })); // [ [ 2 ] ]
const images = [
  [1, 0],
  [1, 1],
  [0, 1],
]; // of one identity
const prototypes = [[0, 2]]; // its look-alike's
console.log(hardImages(images, prototypes, 2)); // [ 2, 1 ]

export {};
