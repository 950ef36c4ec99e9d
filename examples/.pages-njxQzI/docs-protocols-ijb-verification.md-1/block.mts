import { poolTemplates, tarAtFars, templatePairScores } from '@protomem/evaluation';

// Template 7: two frames of one video and a photo; template 8: a photo; template 9: a photo.
const embeddings = Float32Array.of(2, 0, 1, 1, 0, 1, 1, 2, 3, -1);
const members = { templates: [7, 7, 7, 8, 9], media: [1, 1, 2, 1, 1] };
const templates = poolTemplates(embeddings, 2, members, { detectorScores: [1, 1, 0.5, 0.9, 0.8] });
for (const [row, id] of templates.ids.entries()) {
  console.log(`template ${id}: ${[...templates.features.subarray(2 * row, 2 * row + 2)].map((x) => x.toFixed(3))}`);
}
const scores = templatePairScores(templates, [7, 8, 7, 9]);
console.log([...scores].map((score) => score.toFixed(3)).join(' '));
for (const { far, reachable, tar } of tarAtFars(scores, [1, 0], [1, 1e-6]))
  console.log(far, reachable ? tar : 'unreachable');

export {};
