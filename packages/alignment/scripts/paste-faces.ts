/**
 * Makes photos to try an alignment on, from faces that are aligned already: each face is turned, scaled and pasted on a
 * drawn background.
 *
 *   npx tsx --conditions=@protomem/source packages/alignment/scripts/paste-faces.ts FACES PHOTOS [options]
 *
 * FACES    folder of folders of aligned images, FACES/<identity>/<image>.jpg
 * PHOTOS   folder to write, must not exist: PHOTOS/<identity>/<image>.jpg, and PHOTOS/landmarks.tsv with the places of
 *          the template's points
 *
 *   --people N     identities with the most images are taken, default all
 *   --images N     images of each, at most; default all
 *   --size WxH     of a photo, default 640x480
 *   --seed N       default 1
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { Random } from '@protomem/core';
import sharp from 'sharp';
import { arcFaceTemplate, type Similarity, transformPoint, warpPhoto } from '../src/index.ts';

const SIDE = 112;
const MAX_ANGLE = 40;
const SCALES = [0.5, 3] as const;

const text = { type: 'string' } as const;
const options = { people: text, images: text, size: text, seed: text };
const { values, positionals } = parseArgs({ options, allowPositionals: true });
const [faces, photos] = positionals;
const [width, height] = (values.size ?? '640x480').split('x').map(Number) as [number, number];
if (!faces || !photos || existsSync(photos) || !(width > 0 && height > 0)) {
  console.error(
    'paste-faces: expected FACES PHOTOS [--people N] [--images N] [--size WxH] [--seed N], PHOTOS not there yet.',
  );
  process.exit(1);
}

const people: { name: string; images: string[] }[] = [];
for (const name of (await readdir(faces)).sort()) {
  const files = await readdir(join(faces, name)).catch(() => []);
  const images = files.filter((file) => ['.jpg', '.png', '.svg'].includes(extname(file))).sort();
  if (images.length > 0) people.push({ name, images: images.slice(0, Number(values.images ?? images.length)) });
}
people.sort((one, other) => other.images.length - one.images.length || (one.name < other.name ? -1 : 1));

const rng = new Random(Number(values.seed ?? 1));
await mkdir(photos, { recursive: true });
const lines = ['file\tx1\ty1\tx2\ty2\tx3\ty3\tx4\ty4\tx5\ty5\n'];
for (const { name, images } of people.slice(0, Number(values.people ?? people.length))) {
  await mkdir(join(photos, name));
  for (const image of images) {
    const file = `${name}/${image.slice(0, -extname(image).length)}.jpg`;
    const { pixels, transform } = await paste(join(faces, name, image));
    await sharp(pixels, { raw: { width, height, channels: 3 } })
      .jpeg({ quality: 92 })
      .toFile(join(photos, file));
    const points = arcFaceTemplate(SIDE).flatMap((point) => transformPoint(transform, point));
    lines.push(`${file}\t${points.map((value) => value.toFixed(2)).join('\t')}\n`);
  }
}
await writeFile(join(photos, 'landmarks.tsv'), lines.join(''));
console.log(
  `${lines.length - 1} photos of ${Math.min(people.length, Number(values.people ?? people.length))} people in ${photos}`,
);

/** A photo of one face, and how the face came there. */
async function paste(file: string): Promise<{ pixels: Uint8Array; transform: Similarity }> {
  const pixels: Uint8Array = await sharp(file).resize(SIDE, SIDE).flatten().toColourspace('srgb').raw().toBuffer();
  const transform = place();
  const white = new Uint8Array(SIDE * SIDE * 3).fill(255);
  const face = warpPhoto({ pixels, width: SIDE, height: SIDE }, transform, { width, height }).pixels;
  const mask = warpPhoto({ pixels: white, width: SIDE, height: SIDE }, transform, { width, height }).pixels;
  const background = await drawBackground();
  const mixed = face.map((value, i) => Math.min(255, value + Math.round((background[i]! * (255 - mask[i]!)) / 255)));
  return { pixels: mixed, transform };
}

/** Any angle and scale; the face's middle where most of the face is inside. */
function place(): Similarity {
  const scale = Math.exp(rng.uniform(...(SCALES.map(Math.log) as [number, number])));
  const angle = (rng.uniform(-MAX_ANGLE, MAX_ANGLE) * Math.PI) / 180;
  const along = (extent: number): number => {
    const margin = Math.min((scale * SIDE) / 2, extent / 2);
    return rng.uniform(margin, extent - margin + 1e-9);
  };
  const [a, b] = [scale * Math.cos(angle), scale * Math.sin(angle)];
  const middle = (SIDE - 1) / 2;
  return { a, b, tx: along(width) - (a - b) * middle, ty: along(height) - (a + b) * middle };
}

async function drawBackground(): Promise<Uint8Array> {
  const colour = (): string => `rgb(${rng.below(256)},${rng.below(256)},${rng.below(256)})`;
  const shapes = Array.from({ length: 25 }, () => {
    const [x, y] = [rng.uniform(0, width), rng.uniform(0, height)];
    const [w, h] = [rng.uniform(5, width / 4), rng.uniform(5, height / 4)];
    const look = `fill="${colour()}" opacity="0.6"`;
    return rng.uniform() < 0.5
      ? `<ellipse cx="${x}" cy="${y}" rx="${w}" ry="${h}" ${look}/>`
      : `<rect x="${x}" y="${y}" width="${w}" height="${h}" ${look} transform="rotate(${rng.uniform(0, 90)} ${x} ${y})"/>`;
  });
  const open = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">`;
  const svg = `${open}<rect width="100%" height="100%" fill="${colour()}"/>${shapes.join('')}</svg>`;
  return sharp(Buffer.from(svg)).flatten().blur(2).toColourspace('srgb').raw().toBuffer();
}
