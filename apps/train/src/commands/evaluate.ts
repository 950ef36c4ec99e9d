import { mkdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Option } from '@commander-js/extra-typings';
import { check, ProtomemError } from '@protomem/core';
import { writeFileAtomic } from '@protomem/core/node';
import type { ThresholdRuleName } from '@protomem/evaluation';
import {
  evaluateModel,
  type PixelScale,
  type ProtocolOptions,
  protocols,
  scorePairFaces,
  type Task,
  testByProtocol,
} from '@protomem/protocols';
import { listPairs, readRunConfig, runFolder, writeJson } from '@protomem/recipes';
import { type EvaluationFacts, savePlots } from '@protomem/report';
import { command, setOption, toNumber, withBar } from '../command-line.ts';
import { present, scoreTable } from '../evaluation-results.ts';
import { machineFacts } from '../run-report.ts';

const listed = `
Protocols
${Object.entries(protocols)
  .map(
    ([name, { about, needs }]) => `  ${name.padEnd(10)} ${about}; needs ${needs.map((need) => `--${need}`).join(' ')}`,
  )
  .join('\n')}

MODEL is a run, an encoder.safetensors, a .onnx file, a TensorFlow.js model.json, or an .npy that embed --flip wrote (with --raw
for IJB, where the length of an embedding counts). Without --protocol, a run's own test is done anew.`;

/** `protomem evaluate`. */
export const make = () =>
  command('evaluate', 'Tests a model by a protocol, or a run by its own test: metrics.json, a page, plots.')
    .argument('<model>', 'see below')
    .option('--protocol <name>', 'see below (default: the pairs that the run itself was tested on)')
    .option('--images <dir>', 'folder of the images; a data set of any format for retrieval')
    .option('--list <file>', "the protocol's list")
    .option('--development <file>', 'lfw-view1: the list that the threshold is chosen on')
    .option('--meta <dir>', 'IJB: the folder of the meta files')
    .option('--aligned', 'IJB: images are faces on the template already', false)
    .option('--distractors <file>', 'MegaFace: list of distractors')
    .option('--distractor-images <dir>', 'MegaFace: their folder')
    .option('--noises <file>', 'MegaFace: images of the probe set that are wrong')
    .option('--distractor-noises <file>', 'MegaFace: distractors that are wrong')
    .option('--threshold-rule <name>', 'thresholds and comparisons of insightface, facex-zoo, scikit-learn, or exact')
    .addOption(new Option('--arithmetic <name>', 'earlier name of --threshold-rule').hideHelp())
    .option('--mean <x>', 'foreign models get (pixel - mean) / scale (default: 127.5)', toNumber)
    .option('--scale <x>', 'likewise (default: 127.5)', toNumber)
    .option('--batch <n>', 'images at a time', toNumber, 64)
    .option('--out <dir>', 'folder of the results (default: evaluation/PROTOCOL in the run, or below evaluations)')
    .option('--data <path>', "a run's own test: its images, where they are elsewhere now")
    .addOption(setOption("a run's own test: change one value of its configuration"))
    .addHelpText('after', listed)
    .action((model, { mean, scale, thresholdRule, arithmetic, distractorImages, distractorNoises, ...options }) =>
      evaluate(model, {
        ...options,
        'distractor-images': distractorImages,
        'distractor-noises': distractorNoises,
        thresholdRule: (thresholdRule ?? arithmetic ?? 'insightface') as ThresholdRuleName,
        scale: { mean, scale },
      }),
    );

export interface EvaluateOptions extends ProtocolOptions {
  /** Default: the pairs that the run itself was tested on. */
  readonly protocol?: string | undefined;
  /** Folder of the results. Default: `evaluation/PROTOCOL` in the run, or below `evaluations`. */
  readonly out?: string | undefined;
  readonly batch: number;
  readonly scale: Partial<PixelScale>;
  /** Changes of the run's configuration, for its own pairs. */
  readonly data?: string | undefined;
  readonly set: readonly string[];
}

/** Tests a model by a protocol; writes `metrics.json`, `report.html`, `plots`, and for pairs `scores.tsv`. */
export async function evaluate(model: string, options: EvaluateOptions): Promise<void> {
  const { protocol: name, batch } = options;
  check(Number.isInteger(batch) && batch >= 1, () => ({
    where: 'evaluate',
    what: '--batch',
    got: batch,
    expected: 'an integer >= 1',
  }));
  const task = name === undefined ? await ownPairs(model, options) : testByProtocol(name, options);
  const out = await newFolder(options.out ?? join(await resultsFolder(model), name ?? 'own-pairs'));
  console.log(`test: ${task.title}`);
  const { outcome, by, seconds } = await withBar('images', (onProgress) =>
    evaluateModel(model, task, { batch, scale: options.scale, onProgress }),
  );
  console.log(`model: ${by}`);
  const facts: EvaluationFacts = {
    model,
    by,
    protocol: task.title,
    finishedAt: new Date().toISOString(),
    seconds,
    ...(outcome.kind === 'pairs' && outcome.faces ? { images: outcome.faces.list.names.length } : {}),
    machine: machineFacts(),
    options: optionFacts(options),
  };
  const { page, figures, lines } = await present(facts, outcome, options.thresholdRule);
  if (outcome.kind === 'pairs') await writeFileAtomic(join(out, 'scores.tsv'), scoreTable(outcome));
  await writeJson(join(out, 'metrics.json'), { ...facts, kind: outcome.kind, ...figures });
  await writeFileAtomic(join(out, 'report.html'), page);
  await savePlots(page, join(out, 'plots'));
  for (const line of lines) console.log(line);
  console.log(`written: ${join(out, 'report.html')}, metrics.json, plots`);
}

/** The test that a run ended with. */
async function ownPairs(run: string, changes: EvaluateOptions): Promise<Task> {
  if (!(await stat(run).catch(() => undefined))?.isDirectory()) {
    throw new ProtomemError({
      where: 'evaluate',
      what: '--protocol',
      got: 'missing',
      expected: `one of ${Object.keys(protocols).join(', ')}, since ${run} is not the folder of a run, which has pairs of its own`,
    });
  }
  const config = await readRunConfig(run, undefined, changes);
  const listed = await listPairs(config);
  const same = listed.labels.reduce((sum, label) => sum + label, 0);
  // Short lists have fewer pairs of a kind than the usual ten folds.
  const folds = Math.min(10, same, listed.labels.length - same);
  return { title: listed.protocol, run: (embedder) => scorePairFaces(embedder, listed, listed.split, folds) };
}

function optionFacts(options: EvaluateOptions): EvaluationFacts['options'] {
  const { images, list, development, meta, distractors, noises, thresholdRule } = options;
  const shown = { images, list, development, meta, distractors, noises, arithmetic: thresholdRule, ...options.scale };
  return Object.fromEntries(
    Object.entries(shown).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** Beside a run's own results, or below `evaluations`. */
async function resultsFolder(model: string): Promise<string> {
  const isRun = (await stat(runFolder(model).encoder).catch(() => undefined))?.isFile();
  return isRun ? join(model, 'evaluation') : join('evaluations', basename(model).replace(/\.\w+$/, ''));
}

/** Results are never overwritten: the folder gets a number where it is taken. */
async function newFolder(wanted: string): Promise<string> {
  for (let number = 1; ; number++) {
    const folder = number === 1 ? wanted : `${wanted}-${number}`;
    if (await stat(join(folder, 'metrics.json')).catch(() => undefined)) continue;
    await mkdir(folder, { recursive: true });
    return folder;
  }
}
