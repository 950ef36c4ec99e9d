/**
 * Tells how well an alignment of pasted photos (`paste-faces.ts`) found the faces.
 *
 *   npx tsx --conditions=@protomem/source packages/alignment/scripts/compare-landmarks.ts ALIGNED PHOTOS
 *
 * ALIGNED  folder that `align` wrote from PHOTOS
 *
 * A face's shift is how far the template's points come to lie from where they should be in the aligned image (root mean
 * square), percent of the distance between the eyes. Found means a shift below 30 %.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AlignmentRecord } from '../src/index.ts';
import { arcFaceTemplate, faceTransform, fitError, parseLandmarks } from '../src/index.ts';

const [aligned, photos] = process.argv.slice(2);
if (!aligned || !photos) {
  console.error('compare-landmarks: expected ALIGNED PHOTOS.');
  process.exit(1);
}
const table = join(photos, 'landmarks.tsv');
const truth = parseLandmarks(await readFile(table, 'utf8'), table);
const template = arcFaceTemplate();
const eyes = template[1][0] - template[0][0];
const [, ...lines] = (await readFile(join(aligned, 'alignment.jsonl'), 'utf8')).trim().split('\n');

const photo = { pixels: new Uint8Array(), width: 0, height: 0 };
const rows: { angle: number; scale: number; shift: number }[] = [];
for (const { file, landmarks } of lines.map((line): AlignmentRecord => JSON.parse(line))) {
  const [face] = await truth(photo, file);
  const { a, b } = faceTransform(face!.landmarks).transform;
  const shift = landmarks ? fitError(faceTransform(landmarks).transform, face!.landmarks, template) / eyes : 1;
  rows.push({ angle: Math.abs((Math.atan2(b, a) * 180) / Math.PI), scale: 1 / Math.hypot(a, b), shift: 100 * shift });
}
const show = (name: string, part: typeof rows): void => {
  const shifts = part.map(({ shift }) => shift).filter((shift) => shift < 30);
  const at = (share: number): string =>
    shifts.sort((x, y) => x - y)[Math.floor((shifts.length - 1) * share)]?.toFixed(1) ?? '-';
  const found = ((100 * shifts.length) / part.length).toFixed(1);
  console.log(
    `${name.padEnd(14)} ${part.length} photos, found ${found} %, shift median ${at(0.5)} %, 90th percentile ${at(0.9)} %`,
  );
};
show('all', rows);
show(
  'angle < 15',
  rows.filter(({ angle }) => angle < 15),
);
show(
  'angle 15 to 30',
  rows.filter(({ angle }) => angle >= 15 && angle < 30),
);
show(
  'angle >= 30',
  rows.filter(({ angle }) => angle >= 30),
);
show(
  'scale < 1',
  rows.filter(({ scale }) => scale < 1),
);
show(
  'scale > 2',
  rows.filter(({ scale }) => scale > 2),
);
