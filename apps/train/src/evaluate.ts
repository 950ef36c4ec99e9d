import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { ProtomemError } from '@protomem/core';
import { loadEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { loadPairs, verifyPairs } from './pairs.ts';
import { readRunConfig, runFolder } from './run-folder.ts';

/** Verifies the encoder of a finished run once more, or on other data or pairs, and prints the figures. */
export async function evaluate(
  run: string,
  changes: { readonly data?: string; readonly set: readonly string[] },
): Promise<void> {
  const found = await stat(run).catch(() => undefined);
  const folder = runFolder(run);
  if (!found?.isDirectory() || !existsSync(folder.encoder)) {
    throw new ProtomemError({
      where: 'evaluate',
      what: run,
      got: found ? 'without encoder.safetensors' : 'missing',
      expected: 'the folder of a finished run',
      fix: found ? 'The run has not ended: go on with --resume.' : 'Name the folder that was given to --out.',
    });
  }
  const config = await readRunConfig(run, undefined, changes);
  const engine = await loadEngine({ prefer: config.engine.prefer, threads: config.engine.threads || undefined });
  console.log(`engine: ${engine.engine} (${engine.version}), ${engine.device}`);
  const pairs = await loadPairs(config);
  console.log(`test: ${pairs.protocol}`);
  const encoder = await loadEncoder(folder.encoder);
  try {
    const { scores, roc, folds, pairScores, ...figures } = await verifyPairs(encoder, pairs, config.evaluation.batch);
    console.log(JSON.stringify(figures, null, 2));
  } finally {
    encoder.dispose();
  }
}
