import { Random } from '@protomem/core';
import { areaUnderCurve, bootstrap, equalErrorRate, rocCurve, tarAtFars } from '@protomem/evaluation';

const random = new Random(1);
const labels = Array.from({ length: 2000 }, (_, i) => Number(i % 2 === 0));
const scores = labels.map((same) => random.normal(same ? 0.5 : 0, 0.15));
for (const { far, tar, interval, threshold } of tarAtFars(scores, labels, [1e-1, 1e-2, 1e-3, 1e-4])) {
  if (tar === null) console.log(`FAR ${far}: unreachable`);
  else
    console.log(
      `FAR ${far}: TAR ${tar} (${interval!.map((end) => end.toFixed(3)).join(' to ')}) from ${threshold!.toFixed(3)}`,
    );
}
console.log(`nearest to 1e-4: ${tarAtFars(scores, labels, [1e-4], { rule: 'nearest' })[0]!.tar}`);
const curve = rocCurve(scores, labels);
console.log(`EER ${equalErrorRate(curve).rate.toFixed(4)}, AUC ${areaUnderCurve(curve).toFixed(4)}`);
const drawn = bootstrap(scores, labels, (s, l) => tarAtFars(s, l, [1e-2])[0]!.tar, { random: new Random(2) });
console.log(`TAR at 1e-2 drawn again: ${drawn.interval.map((end) => end.toFixed(3)).join(' to ')}`);

export {};
