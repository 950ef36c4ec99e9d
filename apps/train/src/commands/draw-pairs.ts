import { relative, sep } from 'node:path';
import { check, printable } from '@protomem/core';
import { writeFileAtomic } from '@protomem/core/node';
import { drawPairs, folderSource } from '@protomem/data';
import { command, toNumber } from '../command-line.ts';
import { sayRemarks } from '../data-sets.ts';

const use = `
As many pairs of one person as of two. Training with the list keeps everybody in it out
(recipe lfw: --set evaluation.pairs.file=LIST).`;

/** `protomem draw-pairs`. */
export const make = () =>
  command('draw-pairs', 'Draws pairs of images to test an encoder on.')
    .argument('<faces>', 'folder with one folder of images for each person')
    .argument('<list>', 'file to write: both paths and 1 or 0 on each line')
    .option('--people <n>', 'people to test on (default: a tenth of those with two images or more)', toNumber)
    .option('--pairs <n>', 'pairs of each kind', toNumber, 500)
    .option('--seed <n>', 'another draw', toNumber, 0)
    .addHelpText('after', use)
    .action(async (faces, list, { pairs, seed, ...options }) => {
      const source = await folderSource(faces);
      sayRemarks(source);
      let several = 0;
      for (let i = 0; i < source.identities; i++) if (source.imagesOf(i) >= 2) several++;
      const people = options.people ?? Math.max(2, Math.round(several / 10));
      const drawn = drawPairs(source, { people, pairs, seed });
      const path = async ([identity, image]: readonly [number, number]): Promise<string> =>
        writable(relative(faces, (await source.load(identity, image)).name).replaceAll(sep, '/'));
      const lines: string[] = [];
      for (const { a, b, same } of drawn) lines.push(`${await path(a)}\t${await path(b)}\t${Number(same)}\n`);
      await writeFileAtomic(list, ...lines);
      console.log(`${drawn.length} pairs of ${people} people written to ${list}`);
    });

/** Other programs read pair lists, too, and know no escapes. */
function writable(path: string): string {
  check(printable(path) === path && path === path.trim(), () => ({
    where: 'draw-pairs',
    what: 'an image',
    got: path,
    expected: 'a name without tabs, line breaks and other control characters, which a pair list cannot hold',
    fix: 'Rename it.',
  }));
  return path;
}
