import { describe, expect, it } from 'vitest';
import { type Point, type Similarity, transformPoint } from './similarity.ts';
import { arcFaceTemplate, faceTransform, type Landmarks, mapPoints } from './template.ts';

const moved = (change: (point: Point) => Point): Landmarks => mapPoints(arcFaceTemplate(), change);

describe('arcFaceTemplate', () => {
  it('scales', () => {
    expect(arcFaceTemplate(224)[2]).toEqual([2 * 56.0252, 2 * 71.7366]);
    expect(() => arcFaceTemplate(0)).toThrow('arcFaceTemplate: size is 0');
  });
});

describe('faceTransform', () => {
  it('carries landmarks to the template, at any size', () => {
    const away: Similarity = { a: 1.5, b: -0.8, tx: 400, ty: 90 };
    for (const size of [112, 96, 224]) {
      const landmarks = moved((point) => transformPoint(away, point));
      const { transform, error } = faceTransform(landmarks, size);
      expect(error).toBeLessThan(1e-9);
      const [x, y] = transformPoint(transform, landmarks[4]);
      expect(x).toBeCloseTo((70.7299 * size) / 112, 9);
      expect(y).toBeCloseTo((92.2041 * size) / 112, 9);
    }
  });

  it('takes faces from the side', () => {
    const { error } = faceTransform(moved(([x, y]) => [0.2 * x, y]));
    expect(error).toBeGreaterThan(5);
  });

  it('refuses points that are no face in this order, and says so', () => {
    const [left, right, nose, mouthLeft, mouthRight] = arcFaceTemplate();
    const wrong: Readonly<Record<string, Landmarks>> = {
      mirrored: moved(([x, y]) => [112 - x, y]),
      'eyes and corners swapped': [right, left, nose, mouthRight, mouthLeft],
      'x and y swapped': moved(([x, y]) => [y, x]),
      shuffled: [nose, mouthLeft, left, right, mouthRight],
    };
    for (const [name, landmarks] of Object.entries(wrong)) {
      expect(() => faceTransform(landmarks), name).toThrow('in this order');
    }
    const wide = moved(([x, y]) => [4.1 * x, 4.1 * y]);
    expect(() => faceTransform(wide, 112, { width: 100, height: 112 })).toThrow('is "a face 459 pixels wide"');
    expect(faceTransform(wide, 112, { width: 100, height: 120 })).toEqual(faceTransform(wide));
    expect(() => faceTransform(moved(() => [3, 3]))).toThrow('do not all coincide');
    expect(() => faceTransform(moved(([x]) => [x, Number.NaN]))).toThrow('finite');
  });
});
