import { readFile, stat } from 'node:fs/promises';
import { checkShape, isObject, ProtomemError, parseJson } from '@protomem/core';
import { systemReason } from '@protomem/core/node';
import type { VerificationReport } from '@protomem/evaluation';
import { runFolder, verificationShape } from '@protomem/recipes';
import { type Calibration, calibrationFromReport } from './calibration.ts';

/**
 * What a test says about cosines: of a run, its own test on people whom it never saw; or of `protomem evaluate --out DIR` with a
 * protocol of pairs, for any model.
 *
 * @param path of a run's folder, or of a `metrics.json`.
 * @returns undefined for a folder without one.
 * @throws ProtomemError when the file holds no test of pairs, or too few pairs of strangers.
 *
 * @example
 * ```ts
 * const calibration = await readCalibration('runs/lfw');
 * if (calibration) await gallery.calibrate(calibration);
 * ```
 */
export async function readCalibration(path: string): Promise<Calibration | undefined> {
  const folder = (await stat(path).catch(() => undefined))?.isDirectory();
  const file = folder ? runFolder(path).metrics : path;
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (folder && error.code === 'ENOENT') return undefined;
    const [got, expected] = [systemReason(error), 'the metrics.json of a run, or of an evaluation on pairs'];
    throw new ProtomemError({ where: 'readCalibration', what: file, got, expected }, { cause: error });
  });
  if (text === undefined) return undefined;
  const saved = parseJson(text, { where: file, what: 'its text' });
  const ofRun = isObject(saved) && saved.heads !== undefined;
  checkShape(
    saved,
    ofRun ? { heads: [{ verification: verificationShape }] } : { verification: verificationShape },
    file,
  );
  const { heads, ...own } = saved as {
    heads?: { verification: VerificationReport }[];
    verification: VerificationReport;
  };
  const verification = ofRun ? heads?.[0]?.verification : own.verification;
  if (!verification) {
    throw new ProtomemError({ where: file, what: 'heads', got: [], expected: 'one head at least' });
  }
  return calibrationFromReport(verification, file);
}
