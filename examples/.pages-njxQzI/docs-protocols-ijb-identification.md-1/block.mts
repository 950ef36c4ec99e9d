import { identifyMerged, identifySeparately } from '@protomem/evaluation';

const unit = (degrees: number) => [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
const galleries = [
  { features: Float32Array.from([0, 60].flatMap(unit)), subjects: [1, 2] },
  { features: Float32Array.from([120, 180].flatMap(unit)), subjects: [3, 4] },
];
const probes = { features: Float32Array.from([5, 40, 100, 170, 65].flatMap(unit)), subjects: [1, 2, 3, 4, 2] };
for (const identify of [identifySeparately, identifyMerged]) {
  const { convention, ranks, tpirAtFpir } = await identify(probes, galleries, 2, { ranks: [1, 2], fpirs: [0.5] });
  console.log(convention, ranks.map(({ rank, rate }) => `rank ${rank}: ${rate}`).join(', '));
  console.log(
    `  TPIR ${tpirAtFpir[0]!.tpir.toFixed(3)} from ${tpirAtFpir[0]!.thresholds.map((t) => t.toFixed(3)).join(' and ')}`,
  );
}

export {};
