import { type Detect, detectorFromModule, humanDetector, landmarksFromFile } from '@protomem/alignment';
import { refuseTogether } from '@protomem/core';
import { type LoadEngineOptions, loadEngine } from '@protomem/engine';

interface DetectorOptions {
  readonly landmarks?: string;
  readonly detector?: string;
  readonly engine?: string;
  readonly minScore?: number;
}

/** The detector that is asked for, and what to call it in records. */
export async function openDetector(where: string, options: DetectorOptions): Promise<{ name: string; detect: Detect }> {
  const { landmarks, detector, engine: prefer = 'auto', minScore = 0.3 } = options;
  const ours = ['minScore', 'engine'];
  refuseTogether(where, options, { landmarks: ['detector', ...ours], detector: ours });
  if (landmarks !== undefined) return { name: `file ${landmarks}`, detect: await landmarksFromFile(landmarks) };
  if (detector !== undefined) return { name: `module ${detector}`, detect: await detectorFromModule(where, detector) };
  const { engine, device } = await loadEngine({ prefer: prefer as LoadEngineOptions['prefer'] });
  console.error(`engine: ${engine}, ${device}`);
  return { name: `human, score >= ${minScore}`, detect: await humanDetector({ minScore }) };
}
