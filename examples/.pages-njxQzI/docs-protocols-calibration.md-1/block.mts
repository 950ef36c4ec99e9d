import { Random } from '@protomem/core';
import { calibrateThreshold, logisticCalibration, sameProbability, splitHalfStability } from '@protomem/evaluation';

const random = new Random(1);
const labels = Array.from({ length: 4000 }, (_, i) => i % 2);
const scores = labels.map((same) => random.normal(same ? 0.5 : 0, 0.15));
const { threshold, interval } = calibrateThreshold(scores, labels, 1e-2)!;
// Strangers here are normal with deviation 0.15: the true threshold is 0.349.
console.log(`threshold ${threshold.toFixed(3)}, between ${interval.map((end) => end.toFixed(3)).join(' and ')}`);
for (const prior of [0.5, 0.001]) {
  const probability = sameProbability(logisticCalibration(scores, labels, prior), 0.4);
  console.log(`0.4 is the same person with ${(100 * probability).toFixed(1)} % where ${100 * prior} % of pairs are`);
}
const { far } = splitHalfStability(scores, labels, 1e-2, new Random(2))!;
console.log(`on the other half: ${far.mean.toFixed(4)}, ${far.low.toFixed(4)} to ${far.high.toFixed(4)}`);

export {};
