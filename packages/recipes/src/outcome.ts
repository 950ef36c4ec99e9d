import type { KnownResult } from './known.ts';
import type { HeadResult } from './results.ts';

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** A head's result in one line. */
export function summary({ name, verification, seconds, imagesPerSecond }: HeadResult): string {
  const tar = verification.tarAtFar.find(({ far }) => far === 1e-2);
  const tarText = tar?.tar == null ? 'out of reach' : percent(tar.tar);
  return (
    `${name}: accuracy ${percent(verification.accuracy)} ± ${percent(verification.binomialError)}, ` +
    `TAR@FAR=1e-2 ${tarText}, EER ${percent(verification.equalErrorRate)}; ` +
    `${seconds.toFixed(0)} s of training, ${imagesPerSecond.toFixed(0)} images/s`
  );
}

/** What else a result has to say in sentences: before and after, people found by name, thresholds. */
export function outcome({ verification, before, known }: HeadResult): string[] {
  const pairs =
    before &&
    `before: accuracy ${percent(before.accuracy)} ± ${percent(before.binomialError)}, EER ${percent(before.equalErrorRate)}; ` +
      `after: ${percent(verification.accuracy)} ± ${percent(verification.binomialError)}, EER ${percent(verification.equalErrorRate)}`;
  return [
    ...(pairs ? [pairs] : []),
    ...(before?.known ? [`before: ${foundIn(before.known)}`] : []),
    ...(known ? [`${before?.known ? 'after: ' : ''}${foundIn(known)}`, ...thresholdsOf(known)] : []),
  ];
}

const foundIn = ({ people, images, found, interval: [low, high] }: KnownResult): string =>
  `${found} of ${images} images of ${people} people are nearest to the mean of their own person's: ${percent(found / images)} (${percent(low)} to ${percent(high)})`;

const thresholdsOf = ({ thresholds, tooLittle }: KnownResult): string[] => [
  ...thresholds.map(
    ({ far, threshold, interval: [low, high] }) =>
      `two images above a cosine of ${threshold.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)}) are of one person, at a false accept rate of ${far} among these people`,
  ),
  ...(tooLittle ? [`too little to calibrate further: ${tooLittle}`] : []),
];
