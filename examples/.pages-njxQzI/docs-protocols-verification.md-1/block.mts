import { holdOut, verification } from '@protomem/evaluation';

const labels = [1, 0, 1, 0, 1, 0, 1, 0];
const scores = [0.71, 0.12, 0.55, 0.31, 0.29, 0.18, 0.64, -0.05];
for (const thresholdRule of ['insightface', 'facex-zoo', 'scikit-learn', 'exact'] as const) {
  const { accuracy, standardDeviation, folds } = verification(scores, labels, { folds: 4, thresholdRule });
  const thresholds = folds.map(({ threshold }) => threshold.toFixed(3)).join(' ');
  console.log(`${thresholdRule}: ${accuracy} ± ${standardDeviation.toFixed(3)}, thresholds ${thresholds}`);
}
const view1 = holdOut({ scores, labels }, { scores: [0.6, 0.2, 0.3, 0.1], labels: [1, 0, 1, 0] });
console.log(view1.threshold.toFixed(3), view1.accuracy);

export {};
