import { basename } from 'node:path';
import { check, lookUp } from '@protomem/core';
import { type Embedder, type OnProgress, openEmbedder } from './embed-faces.ts';
import type { PixelScale } from './models/embedding-model.ts';
import type { Outcome } from './outcome.ts';
import { type ProtocolOptions, protocols } from './protocols.ts';

/** A test that is ready to be done. */
export interface Task {
  /** Name of the test, with its list. */
  readonly title: string;
  run(embedder: Embedder): Promise<Outcome>;
}

export interface EvaluateModelOptions extends Partial<ProtocolOptions> {
  /** Images at a time. Default 64. */
  readonly batch?: number;
  /** How foreign models want their pixels. Default `(x - 127.5) / 127.5`, InsightFace's. */
  readonly scale?: Partial<PixelScale>;
  readonly onProgress?: OnProgress;
}

export interface Evaluation {
  readonly title: string;
  /** What gave the embeddings: `protomem`, `onnx` or `tfjs`, and what runs it. */
  readonly by: string;
  readonly outcome: Outcome;
  readonly seconds: number;
}

/**
 * A test by the name of its protocol.
 *
 * @throws ProtomemError for an unknown protocol, and for an option that it needs and does not get
 */
export function testByProtocol(name: string, given: Partial<ProtocolOptions>): Task {
  const { aligned = false, thresholdRule = 'insightface', ...named } = given;
  const options: ProtocolOptions = { ...named, aligned, thresholdRule };
  const { title, needs, run } = lookUp('evaluate', '--protocol', protocols, name);
  for (const need of needs) {
    check(options[need] !== undefined, () => ({
      where: 'evaluate',
      what: `--${need}`,
      got: 'missing',
      expected: `what the protocol ${name} needs: ${needs.map((one) => `--${one}`).join(', ')}`,
    }));
  }
  const list = options.list ?? options.meta;
  return { title: list ? `${title}: ${basename(list)}` : title, run: (embedder) => run(embedder, options) };
}

/**
 * Tests a model: a run folder, an encoder file, an ONNX or TensorFlow.js model, or an `.npy` of embeddings.
 *
 * @param test name of a protocol, or a test of your own
 * @throws ProtomemError that names the file or the option at fault
 *
 * @example
 * ```ts
 * const { outcome } = await evaluateModel('model.onnx', 'lfw', { images: 'lfw112', list: 'pairs.txt' });
 * if (outcome.kind === 'pairs') console.log(summarizePairs(outcome).verification.accuracy);
 * ```
 */
export async function evaluateModel(
  model: string,
  test: string | Task,
  { batch = 64, scale = {}, onProgress, ...options }: EvaluateModelOptions = {},
): Promise<Evaluation> {
  const { title, run } = typeof test === 'string' ? testByProtocol(test, options) : test;
  const begun = performance.now();
  const embedder = await openEmbedder(model, batch, scale, onProgress);
  try {
    const outcome = await run(embedder);
    return { title, by: embedder.label, outcome, seconds: (performance.now() - begun) / 1000 };
  } finally {
    await embedder.dispose();
  }
}
