import { mkdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { check, lookUp, ProtomemError, writeFileAtomic } from '@protomem/core';
import type { ArithmeticName } from '@protomem/evaluation';
import type { Outcome, PairOutcome, PixelScale } from '@protomem/protocols';
import {
  openEmbedder,
  type PairSummary,
  type ProtocolOptions,
  protocols,
  scorePairFaces,
  summarizePairs,
} from '@protomem/protocols';
import { listPairs, readRunConfig, runFolder, writeJson } from '@protomem/recipes';
import type { ReportPair } from '@protomem/report';
import {
  type EvaluationFacts,
  identificationPage,
  megaFacePage,
  pairPage,
  percent,
  retrievalPage,
  savePlots,
} from '@protomem/report';
import { reportingBar } from './progress-bar.ts';
import { machineFacts, trainingFace } from './run-report.ts';

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
  const task = name === undefined ? await ownPairs(model, options) : protocolTask(name, options);
  const out = await newFolder(options.out ?? join(await resultsFolder(model), name ?? 'own-pairs'));
  const begun = performance.now();
  const bar = reportingBar('images');
  const embedder = await openEmbedder(model, batch, options.scale, bar.onProgress);
  console.log(`model: ${embedder.label}`);
  console.log(`test: ${task.title}`);
  try {
    const outcome = await task.run(embedder);
    const facts: EvaluationFacts = {
      model,
      by: embedder.label,
      protocol: task.title,
      finishedAt: new Date().toISOString(),
      seconds: (performance.now() - begun) / 1000,
      ...(outcome.kind === 'pairs' && outcome.faces ? { images: outcome.faces.list.names.length } : {}),
      machine: machineFacts(),
      options: optionFacts(options),
    };
    const { page, figures, lines } = await present(facts, outcome, options.arithmetic);
    if (outcome.kind === 'pairs') await writeFileAtomic(join(out, 'scores.tsv'), scoreTable(outcome));
    await writeJson(join(out, 'metrics.json'), { ...facts, kind: outcome.kind, ...figures });
    await writeFileAtomic(join(out, 'report.html'), page);
    await savePlots(page, join(out, 'plots'));
    for (const line of lines) console.log(line);
    console.log(`written: ${join(out, 'report.html')}, metrics.json, plots`);
  } finally {
    bar.stop();
    await embedder.dispose();
  }
}

interface Task {
  readonly title: string;
  run(embedder: Parameters<(typeof protocols)[string]['run']>[0]): Promise<Outcome>;
}

function protocolTask(name: string, options: EvaluateOptions): Task {
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

async function present(
  facts: EvaluationFacts,
  outcome: Outcome,
  arithmetic: ArithmeticName,
): Promise<{ page: string; figures: object; lines: readonly string[] }> {
  switch (outcome.kind) {
    case 'pairs': {
      const figures = summarizePairs(outcome, arithmetic);
      return {
        page: await pairPage(facts, figures, await hardestFaces(outcome, figures)),
        figures,
        lines: pairLines(figures),
      };
    }
    case 'identification': {
      const lines = outcome.results.flatMap(({ convention, ranks, tpirAtFpir }) => [
        `${convention}:`,
        ...ranks.map(({ rank, rate }) => row(`  rank ${rank}`, rate)),
        ...tpirAtFpir.map(({ fpir, tpir }) => row(`  TPIR at FPIR ${fpir}`, tpir)),
      ]);
      return { page: await identificationPage(facts, outcome.results), figures: outcome, lines };
    }
    case 'megaface': {
      const { raw, clean } = outcome;
      const lines = [
        `${(clean ?? raw).trials} trials among ${(clean ?? raw).distractors} distractors`,
        ...raw.ranks.map(({ rank, rate }) => row(`rank ${rank}, all images`, rate)),
        ...(clean?.ranks ?? []).map(({ rank, rate }) => row(`rank ${rank}, cleaned lists`, rate)),
      ];
      return { page: await megaFacePage(facts, raw, clean), figures: outcome, lines };
    }
    case 'retrieval': {
      const { recall, rPrecision, mapAtR } = outcome.result;
      const lines = [
        ...recall.map(({ k, rate }) => row(`recall at ${k}`, rate)),
        row('R-precision', rPrecision),
        row('MAP@R', mapAtR),
      ];
      return { page: await retrievalPage(facts, outcome.result), figures: outcome, lines };
    }
  }
}

function pairLines({ verification, holdOut, accuracyInterval }: PairSummary): string[] {
  const { accuracy, standardDeviation, standardError, equalErrorRate, areaUnderCurve, tarAtFar } = verification;
  return [
    ...(holdOut
      ? [row('accuracy, threshold of its own list', holdOut.accuracy, `± ${percent(holdOut.binomialError, 2)}`)]
      : []),
    row(
      `accuracy over ${verification.folds.length} folds`,
      accuracy,
      `± ${percent(standardDeviation, 2)} of folds, ± ${percent(standardError, 2)} of the mean`,
    ),
    ...(accuracyInterval
      ? [
          row(
            'drawn again, 95 %',
            accuracyInterval[0],
            `to ${percent(accuracyInterval[1], 2)} %, at the best threshold`,
          ),
        ]
      : []),
    ...tarAtFar.map(({ far, tar, interval }) =>
      tar === null
        ? `${`TAR at FAR ${far}`.padEnd(38)} too few pairs of different people`
        : row(`TAR at FAR ${far}`, tar, `${percent(interval![0], 2)} to ${percent(interval![1], 2)} %`),
    ),
    row('equal error rate', equalErrorRate),
    `${'area under ROC'.padEnd(38)} ${areaUnderCurve.toFixed(5)}`,
  ];
}

function row(label: string, value: number, note = ''): string {
  return `${label.padEnd(38)} ${percent(value, 2).padStart(6)} %  ${note}`.trimEnd();
}

async function hardestFaces({ faces, scores }: PairOutcome, { hardest }: PairSummary) {
  const pictures = async (pairs: readonly number[]): Promise<ReportPair[]> => {
    if (!faces) return [];
    const found: ReportPair[] = [];
    for (const pair of pairs) {
      const [first, second] = [
        await trainingFace(faces.list.source, faces.pairs[2 * pair]!, 0),
        await trainingFace(faces.list.source, faces.pairs[2 * pair + 1]!, 0),
      ];
      if (first && second) found.push({ first, second, score: scores[pair]! });
    }
    return found;
  };
  return {
    falseMatches: await pictures(hardest.falseMatches),
    falseNonMatches: await pictures(hardest.falseNonMatches),
  };
}

/** Score, label and images of each pair, for other tools. */
function* scoreRows({ scores, labels, faces }: PairOutcome): Generator<string> {
  yield `score\tlabel${faces ? '\ta\tb' : ''}\n`;
  for (let i = 0; i < scores.length; i++) {
    const names = faces ? [0, 1].map((side) => faces.list.names[faces.pairs[2 * i + side]!]) : [];
    yield `${[scores[i]!.toFixed(6), labels[i], ...names].join('\t')}\n`;
  }
}

function scoreTable(outcome: PairOutcome): Uint8Array {
  const parts: Buffer[] = [];
  let text: string[] = [];
  // A list of millions is longer than a string may be.
  for (const line of scoreRows(outcome)) {
    text.push(line);
    if (text.length === 100_000) {
      parts.push(Buffer.from(text.join('')));
      text = [];
    }
  }
  parts.push(Buffer.from(text.join('')));
  return Buffer.concat(parts);
}

function optionFacts(options: EvaluateOptions): EvaluationFacts['options'] {
  const { images, list, development, meta, distractors, noises, arithmetic } = options;
  const shown = { images, list, development, meta, distractors, noises, arithmetic, ...options.scale };
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
