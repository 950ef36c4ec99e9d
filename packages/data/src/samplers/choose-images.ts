import type { Random } from '@protomem/core';

/**
 * `count` of the images 0 ... available - 1, in random order. No image comes twice while there are enough; with too few,
 * each comes floor(count / available) times and a random rest once more.
 *
 * Time and memory O(count), whatever `available` is (Floyd's sampling).
 */
export function chooseImages(available: number, count: number, random: Random): number[] {
  const chosen: number[] = [];
  for (let i = 0; i < Math.floor(count / available); i++) {
    for (let image = 0; image < available; image++) chosen.push(image);
  }
  const rest = count % available;
  const distinct = new Set<number>();
  for (let i = available - rest; i < available; i++) {
    const image = random.below(i + 1);
    distinct.add(distinct.has(image) ? i : image);
  }
  return random.shuffle([...chosen, ...distinct]);
}
