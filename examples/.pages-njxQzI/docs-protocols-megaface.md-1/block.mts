import { megaFace } from '@protomem/evaluation';

const unit = (degrees: number) => [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
const probes = { features: Float32Array.from([0, 10, 90, 130].flatMap(unit)), people: [0, 0, 1, 1] };
const distractors = Float32Array.from([115, 200, 300, 4].flatMap(unit));
const all = await megaFace(probes, distractors, 2, { ranks: [1, 2] });
const cleaned = await megaFace(probes, distractors, 2, { ranks: [1, 2], noisyDistractors: [3] });
for (const { ranks, trials, distractors } of [all, cleaned]) {
  console.log(
    `${trials} trials, ${distractors} distractors: ${ranks.map(({ rank, rate }) => `rank ${rank} ${rate}`).join(', ')}`,
  );
}

export {};
