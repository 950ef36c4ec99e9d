import { relative, sep } from 'node:path';
import { writeFileAtomic } from '@protomem/core';
import { drawPairs, folderSource } from '@protomem/data';
import type { Command } from './command.ts';
import { parse, refusal } from './command-line.ts';

const help = `Draws pairs of images to test an encoder on: as many of one person as of two. Training with this list keeps everybody in it
out (recipe lfw: --set evaluation.pairs.file=LIST).

  npm run data -- draw-pairs FACES LIST [options]

  FACES          folder with one folder of images for each person
  LIST           file to write: both paths and 1 or 0 on each line
  --people N     people to test on (default: a tenth of those with two images or more)
  --pairs N      pairs of each kind (default 500)
  --seed N       another draw (default 0)
  --help         this text
`;

const text = { type: 'string' } as const;

/** `npm run data -- draw-pairs`. */
export const drawPairsCommand: Command = {
  about: 'pairs of people to test on',
  help,
  async run(args) {
    const { values, positionals } = parse('draw-pairs', args, { people: text, pairs: text, seed: text });
    const [faces, list, ...more] = positionals;
    if (faces === undefined || list === undefined || more.length > 0) {
      throw refusal('draw-pairs', positionals.join(' ') || 'nothing', 'a folder of faces and a file to write');
    }
    const source = await folderSource(faces);
    let several = 0;
    for (let i = 0; i < source.identities; i++) if (source.imagesOf(i) >= 2) several++;
    const people = Number(values.people ?? Math.max(2, Math.round(several / 10)));
    const drawn = drawPairs(source, { people, pairs: Number(values.pairs ?? 500), seed: Number(values.seed ?? 0) });
    const path = async ([identity, image]: readonly [number, number]): Promise<string> =>
      relative(faces, (await source.load(identity, image)).name).replaceAll(sep, '/');
    const lines: string[] = [];
    for (const { a, b, same } of drawn) lines.push(`${await path(a)}\t${await path(b)}\t${Number(same)}\n`);
    await writeFileAtomic(list, ...lines);
    console.log(`${drawn.length} pairs of ${people} people written to ${list}`);
  },
};
