import { pairScores, verificationReport } from '@protomem/evaluation';
import { describe, expect, it } from 'vitest';
import { simulatedPeople } from '../fixtures/simulated-people.ts';
import {
  type Calibration,
  calibrationFromReport,
  calibrationFromScores,
  thresholdAt,
  thresholdLines,
} from './calibration.ts';
import { openGallery } from './open-gallery.ts';
import { memoryStorage } from './storage.ts';

const width = 64;
const model = { name: 'simulated', fingerprint: 's' };

/** Pairs of other people than those of a gallery, as a test has them: both kinds. */
function pairs(people: number, seed: number) {
  const { embeddings } = simulatedPeople({ people, images: 2, width, seed });
  const pairs: number[] = [];
  const labels: number[] = [];
  for (let a = 0; a < people; a++) {
    pairs.push(2 * a, 2 * a + 1);
    labels.push(1);
    for (let b = 0; b < a; b++) {
      pairs.push(2 * a, 2 * b + 1);
      labels.push(0);
    }
  }
  return { scores: pairScores(embeddings, width, Int32Array.from(pairs)), labels };
}

describe('calibrationFromScores', () => {
  it('has thresholds with those rates in the list itself', () => {
    const { scores, labels } = pairs(100, 1);
    const calibration = calibrationFromScores(scores, labels, 'simulated');
    expect(calibration).toMatchObject({ source: 'simulated', strangers: 4950, same: 100 });
    const share = (label: number, accepted: (score: number) => boolean) => {
      const kind = Array.from(scores).filter((_, i) => labels[i] === label);
      return kind.filter(accepted).length / kind.length;
    };
    for (const { far, threshold } of calibration.points) {
      expect(far).toBeCloseTo(
        share(0, (score) => score >= threshold),
        9,
      );
    }
    expect(calibration.missed.length).toBeGreaterThan(10);
    for (const { threshold, share: missed } of calibration.missed) {
      expect(missed).toBeCloseTo(
        share(1, (score) => score < threshold),
        9,
      );
    }
    // Beyond what the strangers measured, what one person's pairs lose is known all the same.
    const beyond = thresholdAt(calibration, 1e-5);
    expect(beyond.missed).toBeCloseTo(
      share(1, (score) => score < beyond.threshold),
      1,
    );
    expect(beyond.missed).toBeGreaterThan(thresholdAt(calibration, 0.01).missed);
    expect([thresholdAt(calibration, 0.5).missed, thresholdAt(calibration, 1e-300).missed]).toEqual([0, 1]);
    const fars = calibration.points.map(({ far }) => far);
    expect(fars.toSorted((a, b) => b - a)).toEqual(fars);
    expect(fars.at(-1)).toBeLessThan(0.0021);
    expect(fars.at(-1)).toBeGreaterThanOrEqual(5 / 4950);
  });

  it('agrees with what a report says, which has histograms', () => {
    const { scores, labels } = pairs(100, 2);
    const exact = calibrationFromScores(scores, labels, 'scores');
    const report = calibrationFromReport(verificationReport(scores, labels), 'report');
    expect(report.strangers).toBe(4950);
    for (const far of [0.3, 0.1, 0.01, 0.003, 1e-5]) {
      expect(Math.abs(thresholdAt(report, far).threshold - thresholdAt(exact, far).threshold)).toBeLessThan(0.025);
      expect(Math.abs(thresholdAt(report, far).missed - thresholdAt(exact, far).missed)).toBeLessThan(0.1);
    }
  });

  it('refuses a list that is too short to tell anything, and thresholds that do not rise', async () => {
    const { scores, labels } = pairs(9, 3);
    expect(() => calibrationFromScores(scores, labels, 'few')).toThrow('36 pairs of strangers (few)');
    const gallery = await openGallery(memoryStorage(), { width, model });
    const point = { far: 0.1, threshold: 0.2 };
    const wrong = (points: Calibration['points']) =>
      gallery.calibrate({ source: 'x', strangers: 99, same: 9, points, missed: [] });
    await expect(wrong([point, point])).rejects.toThrow('thresholds that rise');
    await expect(wrong([point, { ...point, far: 0.01, threshold: Number.NaN }])).rejects.toThrow(
      'thresholds that rise',
    );
    await wrong([point, { ...point, far: 0.01, threshold: 0.3 }]);
  });
});

it('goes on beyond what was measured, rather too high than too low', () => {
  const few = pairs(40, 4);
  const calibration = calibrationFromScores(few.scores, few.labels, 'few');
  expect(calibration.points.at(-1)!.far).toBeGreaterThan(0.005);
  // Cosines of directions at random are nearly normal, with a variance of 1 / width.
  const beyond = { 1e-4: 3.719, 1e-5: 4.265, 1e-6: 4.753 };
  for (const [far, deviations] of Object.entries(beyond)) {
    const { threshold, extrapolated } = thresholdAt(calibration, Number(far));
    expect(extrapolated).toBe(true);
    expect(threshold).toBeGreaterThan(0.95 * (deviations / Math.sqrt(width)));
    expect(threshold).toBeLessThan(1.6 * (deviations / Math.sqrt(width)));
  }
  expect(thresholdAt(calibration, 0.1)).toMatchObject({ far: 0.1, extrapolated: false });
});

it('says in words what answers mean, and when nothing can be called the same', async () => {
  const gallery = await openGallery(memoryStorage(), { width: 2, model });
  await gallery.enrol([{ person: 'Ada', images: [{ embedding: [1, 0] }] }]);
  const points = [0.1, 0.01, 0.001].map((far, i) => ({ far, threshold: 0.2 + 0.1 * i }));
  const missed = [0, 1, 2].map((i) => ({ threshold: 0.2 + 0.1 * i, share: i / 10 }));
  const calibration = { source: 'test', strangers: 9000, same: 90, points, missed };
  const lines = async (far: number) =>
    thresholdLines((await gallery.identify(Float32Array.of(1, 1), { far, calibration })).thresholds!);
  expect(await lines(0.01)).toEqual([
    `"same" from 0.300: 1 % of strangers get as high with any of 1 (10 % of one person's pairs scored lower)`,
    expect.stringMatching(/^"no" below 0\.230: 5 % of strangers get as high \(3 % of/),
    'thresholds: test',
  ]);
  expect((await lines(1e-9))[0]).toMatch(/^"same" from 1\.000: 1e-7 %.*beyond what the test could measure/);
  const steep = { ...calibration, points: points.map((point) => ({ ...point, threshold: 2 * point.threshold })) };
  const { thresholds } = await gallery.identify(Float32Array.of(1, 1), { far: 1e-6, calibration: steep });
  expect(thresholdLines(thresholds!)[0]).toMatch(/^nothing can be called the same: for 0\.0001 %/);
});

describe.each([10, 1000])('a gallery of %i people', (people) => {
  it.each(['mean', 'best'] as const)('keeps its rate of false accepts, template %s', async (template) => {
    const { scores, labels } = pairs(400, 5);
    const images = 2;
    const known = simulatedPeople({ people, images: images + 1, width, seed: 6 });
    const of = (row: number) => known.embeddings.subarray(row * width, (row + 1) * width);
    const gallery = await openGallery(memoryStorage(), { width, model, template });
    await gallery.calibrate(calibrationFromScores(scores, labels, 'simulated'));
    await gallery.enrol(
      Array.from({ length: people }, (_, p) => ({
        person: `${p}`,
        images: Array.from({ length: images }, (_, i) => ({ embedding: of(p * (images + 1) + i) })),
      })),
    );
    const strangers = simulatedPeople({ people: 1000, images: 1, width, seed: 7 }).embeddings;
    const far = 0.02;
    const { results, thresholds } = await gallery.identify(strangers, { top: 1, far, doubt: 0.2 });
    expect(thresholds).toMatchObject({ comparisons: template === 'mean' ? people : images * people, far, doubt: 0.2 });
    const share = (answer: string) => results.filter(([best]) => best!.answer === answer).length / results.length;
    // 20 of 1,000 are expected at most; 35 come by chance once in a thousand.
    expect(share('same')).toBeLessThan(0.035);
    expect(share('same') + share('not sure')).toBeLessThan(0.25);
    // Not for nothing: with the threshold of one comparison, nearly every stranger would be somebody in a large gallery.
    const undivided = thresholdAt(gallery.calibration!, far).threshold;
    const wrong = results.filter(([best]) => best!.score >= undivided).length / results.length;
    expect(wrong).toBeGreaterThan(people === 1000 ? 0.99 : 0.05);
    // Who is known is found, with the third image.
    const own = Float32Array.from(Array.from({ length: 10 }, (_, p) => [...of(p * (images + 1) + images)]).flat());
    const found = await gallery.identify(own, { top: 2, far, doubt: 0.2 });
    expect(found.results.filter(([best], p) => best!.person === `${p}`).length).toBeGreaterThanOrEqual(9);
    // A comparison with one person is one.
    const one = await gallery.verify('3', own.subarray(3 * width, 4 * width), { far, doubt: 0.2 });
    expect(one.thresholds!.comparisons).toBe(template === 'mean' ? 1 : images);
    expect(one.results[0]![0]!.answer).toBe('same');
    await expect(gallery.identify(own, { far: 0.2, doubt: 0.1 })).rejects.toThrow(
      'doubt is 0.1, expected at least far',
    );
  });
});
