import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { check, type OptionsOf, readOptions, type Settings } from '@protomem/core';
import { intoNew, temporaryPath, writeFileAtomic } from '@protomem/core/node';
import { type DefinedEncoder, encoderNameOf, foldNorms, loadEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { type EmbeddingModel, openModel } from '@protomem/protocols';
import { type Agreement, compareModels } from './check-export.ts';
import { exportOptions } from './export-options.ts';
import { readValues } from './graph.ts';
import { importEncoder } from './import-encoder.ts';
import { modelCard } from './model-card.ts';
import { writeOnnx } from './onnx-writer.ts';
import { readEncoderPlace } from './read-run.ts';
import { WEIGHTS, writeTfjs } from './tfjs-writer.ts';
import { writeTorch } from './torch-writer.ts';
import { PLAIN, type WriteSettings } from './write-model.ts';

export type ExportOptions = OptionsOf<typeof exportOptions>;

/** What an export left. */
export interface Exported {
  /** The model: a file, of TensorFlow.js a folder. */
  readonly model: string;
  readonly card: string;
  /** The written model beside the encoder. */
  readonly agreement: Agreement;
}

/** The least cosine to our own embedding. */
const LEAST = { float32: 0.9999, float16: 0.999 } as const;

/**
 * Writes an encoder for other programs, with a card beside it, opens what it wrote and compares its embeddings with the
 * encoder's. Where one cosine is below 0.9999 (in float16, 0.999), nothing is left.
 *
 * @param path a run, or an encoder of `saveEncoder`.
 * @param out of ONNX and safetensors a file (its card is the same name with `.md`), of TensorFlow.js a folder; new.
 * @throws ProtomemError when the options do not go together, `out` is there, or the written model disagrees.
 *
 * @example
 * ```ts
 * const { agreement } = await exportEncoder('runs/lfw', 'face.onnx', { to: 'onnx', licence: 'Apache-2.0' });
 * console.log(agreement.lowest);
 * ```
 */
export async function exportEncoder(path: string, out: string, options: ExportOptions): Promise<Exported> {
  const settings = readOptions('exportEncoder', exportOptions, options);
  checkTogether(out, settings, options);
  const { to, licence, faces, images } = settings;
  const card = to === 'tfjs' ? join(out, 'README.md') : out.replace(/\.\w+$/, '.md');
  if (to !== 'tfjs') {
    const there = await stat(card).catch(() => undefined);
    check(!there, () => ({
      where: 'export',
      what: card,
      got: 'there already',
      expected: 'a new file for the card: nothing is overwritten',
      fix: `Name another one, or remove it: where there is no ${out}, it is left of an export that was killed.`,
    }));
  }
  const { file, run } = await readEncoderPlace(path);
  await loadEngine({});
  const encoder = await loadEncoder(file);
  try {
    let agreement: Agreement | undefined;
    await intoNew('export', out, async (temporary) => {
      const folder = temporaryPath(resolve(out));
      const metadata = {
        encoder: encoder.card.name,
        options: JSON.stringify(encoder.options),
        normalization: JSON.stringify(encoder.card.normalization),
        ...(licence ? { licence } : {}),
      };
      const write = { ...settings, metadata };
      try {
        await mkdir(folder);
        const written = await writers[to](encoder, folder, write);
        agreement = await checkWritten(file, written, encoder, { ...settings, faces, images });
        const text = modelCard({ card: encoder.card, target: to, settings: write, agreement, licence, run });
        await writeFileAtomic(to === 'tfjs' ? join(folder, 'README.md') : card, text);
        await rename(to === 'tfjs' ? folder : written, temporary);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
    return { model: out, card, agreement: agreement! };
  } finally {
    encoder.dispose();
  }
}

/** Writes a model into a folder; returns what opens it. */
const writers: Record<
  Settings<typeof exportOptions>['to'],
  (encoder: DefinedEncoder, folder: string, settings: WriteSettings) => Promise<string>
> = {
  async onnx(encoder, folder, settings) {
    const file = join(folder, 'model.onnx');
    await withFolded(encoder, async (folded) =>
      writeFileAtomic(file, writeOnnx(folded, await readValues(folded), settings)),
    );
    return file;
  },
  async tfjs(encoder, folder, settings) {
    const file = join(folder, 'model.json');
    await withFolded(encoder, async (folded) => {
      const { json, weights } = writeTfjs(folded, await readValues(folded), settings);
      await writeFileAtomic(join(folder, WEIGHTS), weights);
      await writeFileAtomic(file, json);
    });
    return file;
  },
  async safetensors(encoder, folder, settings) {
    check(!encoder.folded, () => ({
      where: 'export',
      what: 'the encoder',
      got: 'folded',
      expected: 'one with its norms: PyTorch has no place for weights that norms were folded into',
      fix: 'Use the encoder that it was folded from, or another format.',
    }));
    const file = join(folder, 'model.safetensors');
    await writeFileAtomic(file, writeTorch(encoder, await readValues(encoder), settings));
    return file;
  },
};

async function withFolded<T>(encoder: DefinedEncoder, use: (folded: DefinedEncoder) => Promise<T>): Promise<T> {
  if (encoder.folded) return use(encoder);
  const folded = foldNorms(encoder);
  try {
    return await use(folded);
  } finally {
    folded.dispose();
  }
}

/** Opens what was written, as a stranger would, and compares. */
async function checkWritten(
  file: string,
  written: string,
  { card, options }: DefinedEncoder,
  settings: Settings<typeof exportOptions>,
): Promise<Agreement> {
  const { to, normalize, precision, flip } = settings;
  const ours = await openModel(file);
  let theirs: EmbeddingModel | undefined;
  try {
    if (to === 'safetensors') {
      const back = join(`${written}.back`);
      const { inputSize, embeddingSize, width } = options;
      const as = encoderNameOf(card.name)!;
      await importEncoder(written, back, { as, inputSize, embeddingSize, width });
      theirs = await openModel(back);
    } else {
      const pixels = normalize === 'inside' ? { mean: 0, scale: 1 } : { mean: PLAIN, scale: PLAIN };
      theirs = await openModel(written, pixels);
    }
    const agreement = await compareModels(ours, theirs, { ...settings, flip });
    check(agreement.lowest >= LEAST[precision], () => ({
      where: 'export',
      what: 'the lowest cosine between the written model and the encoder',
      got: agreement.lowest,
      expected: `${LEAST[precision]} or more, on ${agreement.images} ${agreement.faces}, by ${agreement.by}; nothing is left`,
      ...(precision === 'float16' ? { fix: 'Export it with --precision float32.' } : {}),
    }));
    return agreement;
  } finally {
    await theirs?.dispose();
    await ours.dispose();
  }
}

/** Refuses options that the target has no use for, and names that others would not open. */
function checkTogether(out: string, { to }: Settings<typeof exportOptions>, given: ExportOptions): void {
  const ending = { onnx: '.onnx', safetensors: '.safetensors', tfjs: '' }[to];
  check(out.endsWith(ending), () => ({
    where: 'export',
    what: 'the output',
    got: out,
    expected: `a name that ends in ${ending}`,
  }));
  const useless = { onnx: [], tfjs: ['opset'], safetensors: ['opset', 'normalize', 'flip'] } as const;
  for (const name of useless[to]) {
    check(given[name] === undefined || given[name] === false, () => ({
      where: 'export',
      what: name,
      got: given[name],
      expected: `nothing: ${to === 'tfjs' ? 'a model of TensorFlow.js has none' : 'weights alone have none'}`,
    }));
  }
}
