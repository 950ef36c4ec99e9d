import { expect, it } from 'vitest';
import { findFaces } from './find-faces.ts';
import { arcFaceTemplate, type Landmarks, mapPoints } from './template.ts';
import type { Photo } from './warp.ts';

const photo: Photo = { pixels: new Uint8Array(300 * 200 * 3), width: 300, height: 200 };
const face = (side: number, left: number, top: number): Landmarks =>
  mapPoints(arcFaceTemplate(side), ([x, y]) => [x + left, y + top]);

/** Sees `first` in the photo, then in each crop what stands in `later`. */
const looks = (first: Landmarks[], ...later: Landmarks[][]) => {
  const answers = [first, ...later];
  return async () => answers.shift()!.map((landmarks, i) => ({ landmarks, score: 1 - i / 10 }));
};

it('takes of the second look the face that it was for, whichever is named first', async () => {
  // In a crop the face is 144 pixels wide, in the middle of 256: one pixel of this photo is one of the crop.
  const [neighbour, better] = [face(144, 190, 40), face(144, 58, 57)];
  const [found] = await findFaces(photo, looks([face(144, 20, 30)], [neighbour, better]));
  expect(found!.landmarks.flat()).toEqual(
    face(144, 22, 31)
      .flat()
      .map((value) => expect.closeTo(value, 6)),
  );
});

it('keeps the first landmarks where the second look sees nobody, or others alone', async () => {
  const first = face(144, 20, 30);
  expect(await findFaces(photo, looks([first], []))).toEqual([{ landmarks: first, score: 1 }]);
  expect(await findFaces(photo, looks([first], [face(144, 190, 40)]))).toEqual([{ landmarks: first, score: 1 }]);
});

it('leaves out a face whose landmarks are all in one place', async () => {
  const [nobody, first] = [mapPoints(arcFaceTemplate(), () => [5, 5]), face(144, 20, 30)];
  expect(await findFaces(photo, looks([nobody, first], []))).toEqual([{ landmarks: first, score: 0.9 }]);
});
