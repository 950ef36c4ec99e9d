import type { DetectedFace } from './detect.ts';
import { estimateSimilarity, invertSimilarity, type Point, type Similarity, transformPoint } from './similarity.ts';
import { arcFaceTemplate, type Landmarks, mapPoints } from './template.ts';
import { type Photo, warpPhoto } from './warp.ts';

/** Sides of the upright crop that the second look sees, and of the face in it, pixels. */
const LOOK = 256;
const FACE = 144;

/** The faces that a detector sees in a photo. */
type Look = (photo: Photo) => Promise<readonly DetectedFace[]>;

/** Looks at a photo, or at parts of it, and a second time at each face. */
export async function findFaces(photo: Photo, look: Look): Promise<DetectedFace[]> {
  let found = await look(photo);
  if (found.length === 0) found = await searchQuarters(photo, look);
  const faces: DetectedFace[] = [];
  for (const { landmarks: first, score } of found) {
    const toLook = uprightLook(first);
    if (!toLook) continue;
    const seen = await look(warpPhoto(photo, toLook, { width: LOOK, height: LOOK }));
    // A neighbour may be in the crop, too, and be named first.
    const expected = mapPoints(first, (point) => transformPoint(toLook, point));
    const again = seen.find(({ landmarks }) => sameFace(expected, landmarks));
    const back = invertSimilarity(toLook);
    faces.push({
      landmarks: again ? mapPoints(again.landmarks, (point) => transformPoint(back, point)) : first,
      score,
    });
  }
  return faces;
}

/** From the photo to a crop with the face upright in its middle; none for landmarks that no face has, all in one place. */
function uprightLook(landmarks: Landmarks): Similarity | undefined {
  const margin = (LOOK - FACE) / 2;
  const target = arcFaceTemplate(FACE).map(([x, y]): Point => [x + margin, y + margin]);
  try {
    return estimateSimilarity(landmarks, target);
  } catch {
    return undefined;
  }
}

/** Looks at nine parts of half the photo's width and height, half overlapping. A face on two of them is named once. */
async function searchQuarters(photo: Photo, look: Look): Promise<DetectedFace[]> {
  const width = Math.ceil(photo.width / 2);
  const height = Math.ceil(photo.height / 2);
  const found: DetectedFace[] = [];
  for (let part = 0; part < 9; part++) {
    const x = Math.floor(((part % 3) * (photo.width - width)) / 2);
    const y = Math.floor((Math.floor(part / 3) * (photo.height - height)) / 2);
    for (const { landmarks, score } of await look(crop(photo, x, y, width, height))) {
      const moved = mapPoints(landmarks, ([u, v]) => [u + x, v + y]);
      if (!found.some((face) => sameFace(face.landmarks, moved))) found.push({ landmarks: moved, score });
    }
  }
  return found;
}

/** True when the noses of two faces are closer than the first one's eyes. */
function sameFace(one: Landmarks, other: Landmarks): boolean {
  const distance = ([x, y]: Point, [u, v]: Point): number => Math.hypot(x - u, y - v);
  return distance(one[2], other[2]) < distance(one[0], one[1]);
}

function crop({ pixels, width: stride }: Photo, x: number, y: number, width: number, height: number): Photo {
  const part = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    const from = ((y + row) * stride + x) * 3;
    part.set(pixels.subarray(from, from + width * 3), row * width * 3);
  }
  return { pixels: part, width, height };
}
