import { join, posix } from 'node:path';
import { lookUp } from '@protomem/core';
import type { FacePair, PairList } from './lfw-pairs.ts';
import { linesOf, readText, refuseEmpty, refuseLine } from './text-lines.ts';

/** Frontal with frontal, or frontal with profile: CFP-FF and CFP-FP. */
export type CfpProtocol = 'FF' | 'FP';

const second = { FF: 'Pair_list_F.txt', FP: 'Pair_list_P.txt' };

/**
 * Reads the protocol of Celebrities in Frontal-Profile: ten folds of 350 + 350 pairs, as `Protocol/Split/FP/01/same.txt`
 * and `diff.txt` name them by numbers of `Protocol/Pair_list_F.txt` and `Pair_list_P.txt`.
 *
 * @param folder that holds `Protocol`. Paths of the pairs are below it: `Data/Images/001/frontal/01.jpg`.
 * @returns the pairs of one person first in each fold.
 * @throws {ProtomemError} with file and line when a line is none, or a number is not in its list.
 *
 * Source: Sengupta et al., "Frontal to profile face verification in the wild", 2016, and the Readme.txt of its data.
 *
 * @example
 * ```ts
 * const { pairs, folds } = await readCfpPairs('cfp-dataset', 'FP');
 * ```
 */
export async function readCfpPairs(folder: string, protocol: CfpProtocol): Promise<PairList> {
  const where = 'readCfpPairs';
  const base = join(folder, 'Protocol');
  const secondList = lookUp(where, 'protocol', second, protocol);
  const frontal = await readImages(where, join(base, 'Pair_list_F.txt'));
  const others = protocol === 'FF' ? frontal : await readImages(where, join(base, secondList));
  const pairs: FacePair[] = [];
  for (let fold = 0; fold < 10; fold++) {
    for (const [name, same] of [
      ['same.txt', true],
      ['diff.txt', false],
    ] as const) {
      const path = join(base, 'Split', protocol, String(fold + 1).padStart(2, '0'), name);
      const lines = linesOf(await readText(where, path, 'pairs of numbers, such as 1,12'));
      if (lines.length === 0) refuseEmpty(path, 'pairs of numbers, such as 1,12');
      for (const line of lines) {
        const [, first, other] = /^(\d+)\s*,\s*(\d+)$/.exec(line.text) ?? refuseLine(path, line, '"number,number"');
        const a = frontal.get(Number(first)) ?? refuseLine(path, line, 'a first number of Pair_list_F.txt');
        const b = others.get(Number(other)) ?? refuseLine(path, line, `a second number of ${secondList}`);
        pairs.push({ a, b, same, fold });
      }
    }
  }
  const people = new Set(pairs.flatMap(({ a, b }) => [a, b]).map((path) => path.split('/').at(-3)!));
  return { pairs, folds: 10, people: [...people] };
}

async function readImages(where: string, path: string): Promise<Map<number, string>> {
  const images = new Map<number, string>();
  for (const line of linesOf(await readText(where, path, 'a list of numbers and images'))) {
    const [, number, image] = /^(\d+)\s+(\S.*)$/s.exec(line.text) ?? refuseLine(path, line, '"number path"');
    if (images.has(Number(number))) refuseLine(path, line, 'each number once');
    // Written as seen from `Protocol`.
    const below = posix.join('Protocol', image!.replaceAll('\\', '/'));
    if (below.startsWith('..') || below.split('/').length < 3) {
      refuseLine(path, line, 'a path such as ../Data/Images/001/frontal/01.jpg');
    }
    images.set(Number(number), below);
  }
  if (images.size === 0) refuseEmpty(path, 'a list of numbers and images');
  return images;
}
