import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ProtomemError } from '@protomem/core';
import { intoNew, systemReason, writeFileAtomic } from '@protomem/core/node';
import { readLfwPairs, readVerificationBin, type VerificationPair, writeVerificationBin } from '@protomem/data';
import { command, withBar } from '../command-line.ts';

const help = `
  protomem pairs LIST IMAGES OUT     a list and its images into one file
  protomem pairs BIN FOLDER          and back: FOLDER/pairs.txt and FOLDER/images

A recipe evaluates on the file with --set evaluation.pairs='{"kind":"bin","file":"OUT"}'. Images are written as they are:
aligned, 112x112, where others shall read the file. Folds are equal blocks of the list, so each block should have as many
pairs of one person as of two. A .bin names nobody: in FOLDER each pair has people of its own.`;

/** `protomem pairs`. */
export const make = () =>
  command(
    'pairs',
    'Writes the pairs of a list as one file, as InsightFace keeps verification sets (lfw.bin); and back.',
  )
    .argument('<list>', 'pairs as LFW lists them, "Name 1 2" and "Name 1 Other 3"; or a .bin')
    .argument('<images>', 'folder of aligned images, IMAGES/Name/Name_0001.jpg; for a .bin, the folder to write')
    .argument('[out]', 'a file to write, such as mine.bin; must be new')
    .addHelpText('after', help)
    .action((list, images, out) => (out === undefined ? unpack(list, images) : pack(list, images, out)));

async function pack(list: string, images: string, out: string): Promise<void> {
  const { pairs } = await readLfwPairs(list);
  await withBar('pairs', async (onProgress) => {
    const read = (name: string): Promise<Uint8Array> => readImage(images, name, list);
    async function* all(): AsyncGenerator<VerificationPair> {
      for (const [i, { a, b, same }] of pairs.entries()) {
        yield { a: await read(a), b: await read(b), same };
        onProgress({ done: i + 1, total: pairs.length });
      }
    }
    await writeVerificationBin(out, all());
  });
  console.log(`${pairs.length} pairs written to ${out}`);
}

async function unpack(file: string, folder: string): Promise<void> {
  const bin = await readVerificationBin(file);
  await intoNew('pairs', folder, async (temporary) => {
    const write = async (image: number, name: string, number: number): Promise<void> => {
      const path = join(temporary, 'images', name, `${name}_${String(number).padStart(4, '0')}.jpg`);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, await bin.image(image));
    };
    const lines: string[] = [];
    await withBar('pairs', async (onProgress) => {
      for (const [i, same] of bin.issame.entries()) {
        const name = `pair${String(i).padStart(6, '0')}`;
        const other = same ? name : `${name}-other`;
        await write(2 * i, name, 1);
        await write(2 * i + 1, other, same ? 2 : 1);
        lines.push(same ? `${name}\t1\t2` : `${name}\t1\t${other}\t1`);
        onProgress({ done: i + 1, total: bin.pairs });
      }
    });
    await writeFileAtomic(join(temporary, 'pairs.txt'), `${lines.join('\n')}\n`);
  });
  console.log(`${bin.pairs} pairs written to ${folder}`);
}

async function readImage(folder: string, name: string, list: string): Promise<Uint8Array> {
  try {
    return await readFile(join(folder, name));
  } catch (error) {
    throw new ProtomemError(
      {
        where: 'pairs',
        what: join(folder, name),
        got: systemReason(error),
        expected: `an image, since ${list} names it`,
        fix: 'Check that the folder holds the images of this list.',
      },
      { cause: error },
    );
  }
}
