import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { check, type OptionsOf, readOptions, type Settings } from '@protomem/core';
import { intoNew, temporaryPath, writeFileAtomic } from '@protomem/core/node';
import { type DefinedEncoder, encoderNameOf, loadEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { type EmbeddingModel, openModel } from '@protomem/protocols';
import { type Agreement, compareModels } from './check-export.ts';
import { checkTarget, filesOf } from './encode-model.ts';
import { exportOptions } from './export-options.ts';
import { importEncoder } from './import-encoder.ts';
import { modelCard } from './model-card.ts';
import { readEncoderPlace } from './read-run.ts';
import { PLAIN } from './write-model.ts';

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
  const { to, licence } = settings;
  checkName(out, to);
  checkTarget(to, options);
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
      try {
        await mkdir(folder);
        const files = Object.entries(await filesOf(encoder, settings));
        for (const [name, bytes] of files) await writeFileAtomic(join(folder, name), bytes);
        const written = join(folder, files[0]![0]);
        agreement = await checkWritten(file, written, encoder, settings);
        const text = modelCard({ card: encoder.card, target: to, settings, agreement, licence, run });
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

/** Refuses names that others would not open. */
function checkName(out: string, to: Settings<typeof exportOptions>['to']): void {
  const ending = { onnx: '.onnx', safetensors: '.safetensors', tfjs: '' }[to];
  check(out.endsWith(ending), () => ({
    where: 'export',
    what: 'the output',
    got: out,
    expected: `a name that ends in ${ending}`,
  }));
}
