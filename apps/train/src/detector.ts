import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Detect, humanDetector, landmarksFromFile } from '@protomem/alignment';
import { ProtomemError } from '@protomem/core';
import { type LoadEngineOptions, loadEngine } from '@protomem/engine';

interface DetectorOptions {
  readonly landmarks?: string;
  readonly detector?: string;
  readonly engine?: string;
  readonly minScore: number;
}

/** The detector that is asked for, and what to call it in records. */
export async function openDetector(where: string, options: DetectorOptions): Promise<{ name: string; detect: Detect }> {
  const { landmarks, detector, engine: prefer = 'auto', minScore } = options;
  if (landmarks !== undefined && detector !== undefined) {
    const got = '--landmarks and --detector';
    throw new ProtomemError({ where, what: 'the command line', got, expected: 'one of them' });
  }
  if (landmarks !== undefined) return { name: `file ${landmarks}`, detect: await landmarksFromFile(landmarks) };
  if (detector !== undefined) return { name: `module ${detector}`, detect: await importDetector(where, detector) };
  const { engine, device } = await loadEngine({ prefer: prefer as LoadEngineOptions['prefer'] });
  console.log(`engine: ${engine}, ${device}`);
  return { name: `human, score >= ${minScore}`, detect: await humanDetector({ minScore }) };
}

async function importDetector(where: string, file: string): Promise<Detect> {
  const module = (await import(pathToFileURL(resolve(file)).href)) as { detect?: unknown };
  if (typeof module.detect === 'function') return module.detect as Detect;
  throw new ProtomemError({
    where,
    what: `the export "detect" of ${file}`,
    got: module.detect === undefined ? 'missing' : typeof module.detect,
    expected: 'a function (photo, file) => [{ landmarks: [[x, y], ... five] }]',
  });
}
