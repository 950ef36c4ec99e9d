import { stat } from 'node:fs/promises';
import { check, escapeName, printable } from '@protomem/core';
import { replaceFile } from '@protomem/core/node';
import { countImages, npyHeader, openImages } from '@protomem/data';
import { embedImages, type ModelOptions, modelOptions, openModel } from '@protomem/protocols';
import { command, declaredFlags, toNumber, withBar } from '../command-line.ts';
import { type DataSetArguments, dataSetOptions, openSaid } from '../data-sets.ts';
import { stopOnInterrupt } from '../interrupt.ts';

/** `protomem embed`. */
export function make() {
  const made = dataSetOptions(
    command('embed', 'Embeds every image of a data set, in its order.')
      .argument('<model>', 'a run, an encoder.safetensors, a .onnx file, or a TensorFlow.js model.json')
      .argument('<images>', 'data set of any format, a folder of images, or one image'),
  )
    .requiredOption('--out <file>', '.npy (with names in a .txt beside it) or .jsonl; must be new')
    .option('--flip', 'add the embedding of the mirror image, as evaluation does', false)
    .option('--raw', 'leave embeddings as long as they are, for IJB, where length counts', false)
    .option('--batch <n>', 'images at a time', toNumber, 64)
    .action((model, images, { out, flip, raw, batch, from, root, columns, identity, ...foreign }) =>
      embed(model, images, { out, flip, raw, batch, from, root, columns, identity, foreign }),
    );
  for (const flag of declaredFlags('embed', modelOptions)) made.addOption(flag);
  return made;
}

export interface EmbedOptions extends DataSetArguments {
  /** `.npy` (with the images' names in a `.txt` beside it) or `.jsonl`. */
  readonly out: string;
  /** Add the embedding of the mirror image, as evaluation does. */
  readonly flip: boolean;
  /** Leave embeddings as long as they are, for IJB's templates, where length counts. Default: unit vectors. */
  readonly raw?: boolean;
  /** Images at a time. */
  readonly batch: number;
  /** How a foreign model wants its images. */
  readonly foreign?: ModelOptions;
}

/**
 * Embeds every image of a data set, in the order of the data set.
 *
 * @param model whatever `openModel` opens.
 * @param images whatever `openImages` opens.
 */
export async function embed(model: string, images: string, options: EmbedOptions): Promise<void> {
  const { out, flip, raw = false, batch, foreign, ...opening } = options;
  const format = /\.(npy|jsonl)$/.exec(out)?.[1] as keyof typeof writers | undefined;
  check(format !== undefined, () => ({
    where: 'embed',
    what: '--out',
    got: out,
    expected: 'a file that ends in .npy or .jsonl',
  }));
  check(Number.isInteger(batch) && batch >= 1, () => ({
    where: 'embed',
    what: '--batch',
    got: batch,
    expected: 'an integer >= 1',
  }));
  for (const path of format === 'npy' ? [out, namesBeside(out)] : [out]) {
    check(!(await stat(path).catch(() => undefined)), () => ({
      where: 'embed',
      what: path,
      got: 'there already',
      expected: 'a new file: nothing is overwritten',
    }));
  }
  const source = await openSaid(images, opening, openImages);
  const encoder = await openModel(model, foreign);
  console.log(`model: ${encoder.kind}`);
  for (const note of encoder.notes) console.log(note);
  const { embeddingSize } = encoder;
  const signal = stopOnInterrupt();
  const total = countImages(source).images;
  try {
    await writers[format](out, total, embeddingSize, (write) =>
      withBar('images', async (onProgress) => {
        let done = 0;
        for await (const { names, labels, values } of embedImages(encoder, source, { flip, raw, batch })) {
          signal.throwIfAborted();
          const identities = Array.from(labels, (label) => source.identityName(label));
          await write(names, identities, values);
          done += names.length;
          onProgress({ done, total });
        }
      }),
    );
  } finally {
    await encoder.dispose();
  }
  for (const warning of encoder.warnings()) console.log(warning);
  console.log(`${total} embeddings of width ${embeddingSize}: ${out}`);
}

type Write = (names: readonly string[], identities: readonly string[], values: Float32Array) => Promise<void>;
/** Makes a file of what `fill` writes, which is there when that is done, not before. */
type Writer = (out: string, rows: number, width: number, fill: (write: Write) => Promise<void>) => Promise<void>;

/** Where the names of the images stand, a line for each row of an `.npy`. */
const namesBeside = (out: string): string => out.replace(/\.npy$/, '.txt');

const writers = {
  /** NumPy's format: float32 rows. The names come first: whoever finds the rows finds them, too. */
  npy: (out, rows, width, fill) =>
    replaceFile(out, (values) =>
      replaceFile(namesBeside(out), async (names) => {
        await values.writeFile(npyHeader([rows, width]));
        await fill(async (images, _, { buffer, byteOffset, byteLength }) => {
          await values.writeFile(new Uint8Array(buffer, byteOffset, byteLength));
          await names.writeFile(images.map((name) => `${escapeName(name)}\n`).join(''));
        });
      }),
    ),
  /** One JSON object a line: image, identity, embedding. */
  jsonl: (out, _, width, fill) =>
    replaceFile(out, (file) =>
      fill(async (names, identities, values) => {
        const lines = names.map((image, i) => {
          const embedding = Array.from(values.subarray(i * width, (i + 1) * width));
          return `${printable(JSON.stringify({ image, identity: identities[i], embedding }))}\n`;
        });
        await file.writeFile(lines.join(''));
      }),
    ),
} satisfies Record<string, Writer>;
