import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Option } from '@commander-js/extra-typings';
import { check, ProtomemError, pickOptions, refuseTogether } from '@protomem/core';
import { inFolder, writeFileAtomic } from '@protomem/core/node';
import {
  type EvaluateModelOptions,
  evaluateModel,
  evaluateOptions,
  protocolOptions,
  protocols,
  scorePairFaces,
  type Task,
  testByProtocol,
} from '@protomem/protocols';
import { listPairs, readRunConfig, runFolder, writeJson } from '@protomem/recipes';
import { type EvaluationFacts, savePlots } from '@protomem/report';
import { command, declaredFlags, setOption, withBar } from '../command-line.ts';
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
export function make() {
  const made = command(
    'evaluate',
    'Tests a model by a protocol, or a run by its own test: metrics.json, a page, plots.',
  )
    .argument('<model>', 'see below')
    .option('--protocol <name>', 'see below (default: the pairs that the run itself was tested on)')
    .addOption(new Option('--arithmetic <name>', 'earlier name of --threshold-rule').hideHelp())
    .option('--out <dir>', 'folder of the results (default: evaluation/PROTOCOL in the run, or below evaluations)')
    .option('--data <path>', "a run's own test: its images, where they are elsewhere now")
    .addOption(setOption("a run's own test: change one value of its configuration"))
    .addHelpText('after', listed)
    .action((model, { arithmetic, ...options }) =>
      evaluate(model, { ...(arithmetic ? { thresholdRule: arithmetic as 'insightface' } : {}), ...options }),
    );
  for (const flag of declaredFlags('evaluate', evaluateOptions)) made.addOption(flag);
  return made;
}

export interface EvaluateOptions extends EvaluateModelOptions {
  /** Default: the pairs that the run itself was tested on. */
  readonly protocol?: string | undefined;
  /** Folder of the results. Default: `evaluation/PROTOCOL` in the run, or below `evaluations`. */
  readonly out?: string | undefined;
  /** Changes of the run's configuration, for its own pairs. */
  readonly data?: string | undefined;
  readonly set?: readonly string[];
}

/** Tests a model by a protocol; writes `metrics.json`, `report.html`, `plots`, and for pairs `scores.tsv`. */
export async function evaluate(model: string, options: EvaluateOptions): Promise<void> {
  const { protocol: name, data, set = [] } = options;
  refuseTogether('evaluate', options, { protocol: ['data', 'set'] });
  const task =
    name === undefined
      ? await ownPairs(model, { data, set })
      : testByProtocol(name, pickOptions(protocolOptions, options));
  const out = await newFolder(options.out ?? join(await resultsFolder(model), name ?? 'own-pairs'));
  await inFolder('evaluate', out, () => carryOut(model, task, out, options));
}

async function carryOut(model: string, task: Task, out: string, options: EvaluateOptions): Promise<void> {
  console.log(`test: ${task.title}`);
  const own = options.protocol === undefined;
  const rest = Object.entries(evaluateOptions).filter(([key]) => own || !(key in protocolOptions));
  const { outcome, by, notes, seconds } = await withBar('images', (onProgress) =>
    evaluateModel(model, task, { ...pickOptions(Object.fromEntries(rest), options), onProgress }),
  );
  console.log(`model: ${by}`);
  for (const note of notes) console.log(note);
  const facts: EvaluationFacts = {
    model,
    by,
    protocol: task.title,
    finishedAt: new Date().toISOString(),
    seconds,
    ...(outcome.kind === 'pairs' && outcome.faces ? { images: outcome.faces.list.names.length } : {}),
    machine: machineFacts(),
    options: optionFacts(options),
    notes,
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
async function ownPairs(
  run: string,
  changes: Pick<EvaluateOptions, 'data'> & { readonly set: readonly string[] },
): Promise<Task> {
  const found = await stat(run).catch(() => undefined);
  check(found !== undefined, () => ({
    where: 'evaluate',
    what: run,
    got: 'missing',
    expected: 'a run, an encoder.safetensors, a .onnx file, a TensorFlow.js model.json, or an .npy of embeddings',
  }));
  if (!found.isDirectory()) {
    throw new ProtomemError({
      where: 'evaluate',
      what: '--protocol',
      got: 'missing',
      expected: `one of ${Object.keys(protocols).join(', ')}, since ${run} is not the folder of a run, which has pairs of its own`,
    });
  }
  const config = await readRunConfig(run, undefined, changes);
  const listed = await listPairs(config);
  return { title: listed.protocol, run: (embedder) => scorePairFaces(embedder, listed, listed.split) };
}

/** What was asked for. The rule has its name of the first release, which `compare` and older results know. */
function optionFacts({ thresholdRule = 'insightface', ...options }: EvaluateOptions): EvaluationFacts['options'] {
  const shown = Object.entries({ ...pickOptions(evaluateOptions, options), arithmetic: thresholdRule });
  return Object.fromEntries(
    shown.map(([name, value]) => [
      name,
      typeof value === 'number' || typeof value === 'boolean' ? value : String(value),
    ]),
  );
}

/** The options of some names that were given. */
/** Beside a run's own results, or below `evaluations`. */
async function resultsFolder(model: string): Promise<string> {
  const isRun = (await stat(runFolder(model).encoder).catch(() => undefined))?.isFile();
  return isRun ? join(model, 'evaluation') : join('evaluations', basename(model).replace(/\.\w+$/, ''));
}

/** Results are never overwritten: the folder gets a number where it is taken. */
async function newFolder(wanted: string): Promise<string> {
  for (let number = 1; ; number++) {
    const folder = number === 1 ? wanted : `${wanted}-${number}`;
    if (!(await stat(join(folder, 'metrics.json')).catch(() => undefined))) return folder;
  }
}
