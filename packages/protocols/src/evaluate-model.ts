import { basename } from 'node:path';
import {
  check,
  flagOf,
  lookUp,
  nearest,
  type Options,
  type OptionsOf,
  option,
  ProtomemError,
  pickOptions,
  readOptions,
} from '@protomem/core';
import { type Embedder, type OnProgress, openEmbedder } from './embed-faces.ts';
import { modelOptions } from './models/model-options.ts';
import type { Outcome } from './outcome.ts';
import { type Protocol, type ProtocolOptions, type ProtocolSettings, protocolOptions } from './protocol.ts';
import { protocols } from './protocols.ts';
import { summaryLine } from './summary-line.ts';

/** A test that is ready to be done. */
export interface Task {
  /** Name of the test, with its list. */
  readonly title: string;
  run(embedder: Embedder): Promise<Outcome>;
}

/** Options of every test. */
const taskOptions = {
  thresholdRule: protocolOptions.thresholdRule,
  batch: option.integer({ help: 'Images that go through the model at a time.', min: 1, default: 64 }),
  ...modelOptions,
  onProgress: option.given<OnProgress>()({ help: 'Called as images are embedded.', absent: 'nobody' }),
};

/** Every option of {@link evaluateModel}: those of the protocols, of third-party models, and of every test. */
export const evaluateOptions = { ...protocolOptions, ...taskOptions };

export type EvaluateModelOptions = OptionsOf<typeof evaluateOptions>;

export interface Evaluation {
  readonly title: string;
  /** What gave the embeddings: `protomem`, `onnx` or `tfjs`, and what runs it. */
  readonly by: string;
  readonly outcome: Outcome;
  /** What was recognised, guessed or suspected about the model, a line each. */
  readonly notes: readonly string[];
  /** The outcome in one line: `LFW View 2: pairs.txt: accuracy 99.50 % ± 0.11, ...`. Made when it is asked for. */
  readonly summary: string;
  readonly seconds: number;
}

/** Refuses options that a test does not take; what is left undefined, or is as it is anyway, is nobody's mistake. */
function checkTaken(known: Options, given: object): void {
  const passed = Object.entries(given).filter(
    ([name, value]) => value !== undefined && value !== (evaluateOptions as Options)[name]?.default,
  );
  const alien = passed.find(([name]) => !Object.hasOwn(known, name));
  if (alien) {
    const names = Object.keys(known).filter((name) => known[name]!.configurable);
    const near = nearest(alien[0], names);
    throw new ProtomemError({
      where: 'evaluate',
      what: flagOf(alien[0]),
      got: alien[1],
      expected: `nothing: this test takes ${names.map(flagOf).join(', ')}`,
      fix: near ? `Did you mean ${flagOf(near)}?` : undefined,
    });
  }
  readOptions('evaluate', known, Object.fromEntries(passed));
}

const takenBy = ({ needs, takes = [] }: Protocol): Options =>
  Object.fromEntries([...needs, ...takes].map((name) => [name, protocolOptions[name]]));

/**
 * A test by the name of its protocol.
 *
 * @throws ProtomemError for an unknown protocol, for an option that it needs and does not get, and for one that it does not
 * take, with the nearest of those that it does
 */
export function testByProtocol(name: string, given: ProtocolOptions): Task {
  const protocol = lookUp('evaluate', '--protocol', protocols, name);
  checkTaken(takenBy(protocol), given);
  const { title, needs, run } = protocol;
  const options: ProtocolSettings = readOptions('evaluate', protocolOptions, given);
  for (const need of needs) {
    check(options[need] !== undefined, () => ({
      where: 'evaluate',
      what: flagOf(need),
      got: 'missing',
      expected: `what the protocol ${name} needs: ${needs.map(flagOf).join(', ')}`,
    }));
  }
  const list = options.list ?? options.meta;
  return { title: list ? `${title}: ${basename(list)}` : title, run: (embedder) => run(embedder, options) };
}

/**
 * Tests a model: a run folder, an encoder file, an ONNX or TensorFlow.js model, or an `.npy` of embeddings.
 *
 * @param test name of a protocol, or a test of your own, which takes no option of protocols but the threshold rule
 * @throws ProtomemError that names the file or the option at fault: one that nobody knows, too, or that this test does not
 * take, with the nearest of those that it does
 *
 * @example
 * ```ts
 * const { summary, outcome } = await evaluateModel('model.onnx', 'lfw', { images: 'lfw112', list: 'pairs.txt' });
 * console.log(summary);
 * if (outcome.kind === 'pairs') console.log(summarizePairs(outcome).verification.accuracy);
 * ```
 */
export async function evaluateModel(
  model: string,
  test: string | Task,
  options: EvaluateModelOptions = {},
): Promise<Evaluation> {
  const known = typeof test === 'string' ? takenBy(lookUp('evaluate', '--protocol', protocols, test)) : {};
  const { thresholdRule, ...others } = taskOptions;
  checkTaken({ ...known, ...others, ...(typeof test === 'string' ? {} : { thresholdRule }) }, options);
  const settings = readOptions('evaluate', evaluateOptions, options);
  const { batch, mean, scale, bgr, inputSize, output, onProgress } = settings;
  const { title, run } = typeof test === 'string' ? testByProtocol(test, pickOptions(protocolOptions, settings)) : test;
  const begun = performance.now();
  const embedder = await openEmbedder(model, batch, { mean, scale, bgr, inputSize, output }, onProgress);
  try {
    const outcome = await run(embedder);
    let line: string | undefined;
    return {
      title,
      by: embedder.label,
      outcome,
      notes: embedder.notes(),
      get summary() {
        line ??= `${title}: ${summaryLine(outcome, settings.thresholdRule)}`;
        return line;
      },
      seconds: (performance.now() - begun) / 1000,
    };
  } finally {
    await embedder.dispose();
  }
}

/** The values of some options. */
