import { stat } from 'node:fs/promises';
import type { Command, OptionValues } from '@commander-js/extra-typings';
import type { Detect } from '@protomem/alignment';
import { ProtomemError, pickOptions, refuseTogether } from '@protomem/core';
import { type Calibration, type Gallery, openGallery } from '@protomem/gallery';
import { fileStorage, readCalibration } from '@protomem/gallery/node';
import { type EmbeddingModel, type ModelOptions, modelOptions, openModel } from '@protomem/protocols';
import { declaredFlags, toNumber } from './command-line.ts';
import { openDetector } from './detector.ts';

/** What the commands about galleries share: models, detectors, calibrations. */

/** Options of a command that looks for faces in photos and embeds them. */
// biome-ignore lint/suspicious/noExplicitAny: commander's own constraint on the types of arguments.
export function faceOptions<A extends any[], O extends OptionValues>(name: string, command: Command<A, O>) {
  const made = command
    .requiredOption('--model <model>', 'a run, an encoder.safetensors, a .onnx file, or a TensorFlow.js model.json')
    .option('--aligned', 'the images are aligned faces already, as `protomem align` writes them', false)
    .option('--min-score <x>', 'how sure the detector has to be of a face, 0 to 1 (default: 0.3)', toNumber)
    .option('--detector <file>', 'your own: a module that exports detect(photo, file)')
    .option('--calibration <path>', "a run, or an evaluation's metrics.json, on pairs (default: the model's own run)");
  for (const flag of declaredFlags(name, modelOptions)) made.addOption(flag);
  return made;
}

/** These options as a command gets them. */
export interface FaceArguments {
  readonly model: string;
  readonly aligned: boolean;
  readonly minScore?: number;
  readonly detector?: string;
  readonly calibration?: string;
}

/** What finds and embeds faces. */
export interface Faces {
  readonly model: EmbeddingModel;
  /** Undefined where images are aligned faces already. */
  readonly detect: Detect | undefined;
  readonly calibration: Calibration | undefined;
  /** Whether it was asked for; otherwise it is of the model's own run. */
  readonly calibrationAsked: boolean;
  /** How the gallery of this model is opened. */
  readonly opening: { readonly width: number; readonly model: { readonly name: string; readonly fingerprint: string } };
}

export async function openFaces(where: string, options: FaceArguments & ModelOptions): Promise<Faces> {
  refuseTogether(where, options, { aligned: ['detector', 'minScore'] });
  const { model: path, aligned, minScore, detector, calibration, ...rest } = options;
  const found = await calibrationFor(path, calibration);
  const model = await openModel(path, pickOptions(modelOptions, rest));
  for (const note of [`model: ${model.kind}`, ...model.notes]) console.error(note);
  const detect = aligned ? undefined : (await openDetector(where, { minScore, detector })).detect;
  return {
    model,
    detect,
    calibration: found,
    calibrationAsked: calibration !== undefined,
    opening: { width: model.embeddingSize, model: { name: path, fingerprint: model.fingerprint } },
  };
}

/** What was asked for, or what the model's own run says. */
async function calibrationFor(model: string, asked: string | undefined): Promise<Calibration | undefined> {
  if (asked !== undefined) {
    const found = await readCalibration(asked);
    if (found) return found;
    const expected = 'a run that has ended, or the metrics.json of an evaluation on pairs';
    throw new ProtomemError({ where: 'protomem', what: '--calibration', got: asked, expected });
  }
  if (!(await stat(model).catch(() => undefined))?.isDirectory()) return undefined;
  return readCalibration(model).catch((error: unknown) => {
    if (!(error instanceof ProtomemError)) throw error;
    console.error(`no calibration: ${error.message}`);
    return undefined;
  });
}

/** Opens a gallery that is there, to read, and says what it found. */
export async function readGallery(path: string, opening: Parameters<typeof openGallery>[1] = {}): Promise<Gallery> {
  const gallery = await openGallery(await fileStorage(path, { readOnly: true }), opening);
  for (const note of gallery.notes) console.error(note);
  return gallery;
}

/**
 * Opens a gallery to write, or makes one, with the calibration that was asked for, and without one with the model's, where
 * there is one; says what it found.
 */
export async function writeGallery(
  path: string,
  { opening, calibration, calibrationAsked }: Faces,
  template?: 'mean' | 'best',
): Promise<Gallery> {
  const gallery = await openGallery(await fileStorage(path), { ...opening, template });
  for (const note of gallery.notes) console.log(note);
  if (calibration && (calibrationAsked || !gallery.calibration)) await gallery.calibrate(calibration);
  return gallery;
}
