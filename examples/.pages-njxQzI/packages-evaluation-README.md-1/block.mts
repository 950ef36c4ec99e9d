import { hardestPairs, pairScores, tarAtFar, verification } from '@protomem/evaluation';

// Three people, two images each, embeddings of two numbers.
const embeddings = Float32Array.of(1, 0, 0.9, 0.2, 0, 1, 0.1, 1, -1, 0, -0.8, -0.6);
const pairs = Int32Array.of(0, 1, 0, 2, 2, 3, 2, 4, 4, 5, 1, 5); // rows, two a pair
const labels = Uint8Array.of(1, 0, 1, 0, 1, 0); // 1: the same person

const scores = pairScores(embeddings, 2, pairs);
const { accuracy, standardError } = verification(scores, labels, { folds: 3 });
console.log(`${accuracy.toFixed(3)} ± ${standardError.toFixed(3)}`); // 0.833 ± 0.167
console.log(tarAtFar(scores, labels, 0.5).tar); // 1
console.log(tarAtFar(scores, labels, 1e-3).reachable); // false
console.log(hardestPairs(scores, labels, 1)); // { falseMatches: [ 1 ], falseNonMatches: [ 4 ] }

export {};
