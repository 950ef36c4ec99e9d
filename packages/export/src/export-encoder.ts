import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { check, type OptionsOf, ProtomemError, readOptions, type Settings } from '@protomem/core';
import { intoNew, temporaryPath, writeFileAtomic } from '@protomem/core/node';
import { type DefinedEncoder, type EncoderRegistry, encoders, loadEncoder } from '@protomem/encoders';
import { engineInUse } from '@protomem/engine';
import { type EmbeddingModel, openModel } from '@protomem/protocols';
import * as tf from '@tensorflow/tfjs';
import { type Agreement, compareModels } from './check-export.ts';
import { type CalibrationFaces, checkTarget, filesOf, withOpset } from './encode-model.ts';
import { encoderModel } from './encoder-model.ts';
import { exportOptions } from './export-options.ts';
import { facesOf } from './faces.ts';
import { fromStateDict } from './import-encoder.ts';
import { inFloat32 } from './in-float32.ts';
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
  /** Of 8 bits: on which faces they were calibrated, in words. */
  readonly calibratedOn?: string;
}

/** The least cosine to our own embedding. */
const LEAST = { float32: 0.9999, float16: 0.999, int8: 0.8 } as const;

/**
 * Writes an encoder for other programs, with a card beside it, opens what it wrote and compares its embeddings with the
 * encoder's. Where one cosine is below 0.9999 (in float16 0.999, in int8 0.8), nothing is left. Computes on the engine in use, in
 * float32; where none is loaded, the fastest is.
 *
 * @param path a run, or an encoder of `saveEncoder`.
 * @param out of ONNX and safetensors a file (its card is the same name with `.md`), of TensorFlow.js a folder; new.
 * @param registry where the encoder's family is looked up, one of your own among them. Default {@link encoders}.
 * @throws ProtomemError when the options do not go together, `out` is there, or the written model disagrees.
 *
 * @example
 * ```ts
 * const { agreement } = await exportEncoder('runs/lfw', 'face.onnx', { to: 'onnx', licence: 'Apache-2.0' });
 * console.log(agreement.lowest);
 * ```
 */
export async function exportEncoder(
  path: string,
  out: string,
  options: ExportOptions,
  registry: EncoderRegistry = encoders,
): Promise<Exported> {
  const settings = withOpset(readOptions('exportEncoder', exportOptions, options));
  const { to, licence, precision, faces, calibration } = settings;
  const calibratedOn =
    precision === 'int8' ? `up to ${calibration} ${faces ? 'faces given' : 'synthetic faces'}` : undefined;
  check(precision === 'int8' || options.calibration === undefined, () => ({
    where: 'export',
    what: 'calibration',
    got: calibration,
    expected: `nothing: ${precision} is not calibrated`,
    fix: 'Ask for the precision int8.',
  }));
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
  return inFloat32(async () => {
    const encoder = await loadEncoder(file, registry);
    try {
      let agreement: Agreement | undefined;
      await intoNew('export', out, async (temporary) => {
        const folder = temporaryPath(resolve(out));
        try {
          await mkdir(folder);
          const files = Object.entries(await filesOf(encoder, settings, registry, calibrationFaces(encoder, settings)));
          for (const [name, bytes] of files) await writeFileAtomic(join(folder, name), bytes);
          const written = join(folder, files[0]![0]);
          agreement = await checkWritten({ file, written, encoder, registry }, settings);
          const text = modelCard({ card: encoder.card, target: to, settings, agreement, calibratedOn, licence, run });
          await writeFileAtomic(to === 'tfjs' ? join(folder, 'README.md') : card, text);
          await rename(to === 'tfjs' ? folder : written, temporary);
        } finally {
          await rm(folder, { recursive: true, force: true });
        }
      });
      return { model: out, card, agreement: agreement!, ...(calibratedOn && { calibratedOn }) };
    } finally {
      encoder.dispose();
    }
  });
}

/** Faces behind those that the written model is compared on. */
async function* calibrationFaces(
  { card: { inputSize } }: DefinedEncoder,
  { faces, images, calibration }: Settings<typeof exportOptions>,
): CalibrationFaces {
  const batches = facesOf(faces, { images: calibration, size: inputSize, batch: 16, skip: images });
  for await (const { pixels, count } of batches) yield tf.tensor4d(pixels, [count, ...inputSize, 3], 'float32');
}

/** Opens what was written, as a stranger would, and compares. */
async function checkWritten(
  {
    file,
    written,
    encoder,
    registry,
  }: {
    readonly file: string;
    readonly written: string;
    readonly encoder: DefinedEncoder;
    readonly registry: EncoderRegistry;
  },
  settings: Settings<typeof exportOptions>,
): Promise<Agreement> {
  const { to, normalize, precision, flip } = settings;
  let theirs: EmbeddingModel | undefined;
  let back: DefinedEncoder | undefined;
  try {
    if (to === 'safetensors') {
      back = await loadEncoder(file, registry);
      for (const { variable } of back.parameters) tf.tidy(() => variable.assign(tf.zerosLike(variable)));
      await fromStateDict(written, back, { mean: undefined, scale: undefined, bgr: false });
    } else {
      const pixels = normalize === 'inside' ? { mean: 0, scale: 1 } : { mean: PLAIN, scale: PLAIN };
      theirs = await openModel(written, pixels);
    }
    const { engine, device } = await engineInUse();
    const read = theirs ?? encoderModel(back!, `protomem, ${engine} (${device})`);
    const narrower = precision === 'float32' ? {} : { fix: 'Export it with --precision float32.' };
    const agreement = await compareModels(encoderModel(encoder), read, { ...settings, flip }).catch(
      (cause: unknown) => {
        const isFault = cause instanceof ProtomemError && cause.parts.got === 'not finite';
        if (precision === 'float32' || !isFault) throw cause;
        const [what, expected] = [`an embedding in ${precision}`, 'numbers to compare; nothing is left'];
        throw new ProtomemError({ where: 'export', what, got: 'not finite', expected, ...narrower }, { cause });
      },
    );
    check(agreement.lowest >= LEAST[precision], () => ({
      where: 'export',
      what: 'the lowest cosine between the written model and the encoder',
      got: agreement.lowest,
      expected: `${LEAST[precision]} or more, on ${agreement.images} ${agreement.faces}, by ${agreement.by}; nothing is left`,
      ...narrower,
    }));
    return agreement;
  } finally {
    await theirs?.dispose();
    back?.dispose();
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
