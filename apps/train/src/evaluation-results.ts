import { tableRow } from '@protomem/core';
import type { ThresholdRuleName } from '@protomem/evaluation';
import { type Outcome, type PairOutcome, type PairSummary, summarizePairs } from '@protomem/protocols';
import {
  type EvaluationFacts,
  identificationPage,
  megaFacePage,
  pairPage,
  percent,
  type ReportPair,
  retrievalPage,
} from '@protomem/report';
import { trainingFace } from './run-report.ts';

/** What an evaluation shows: a page, its figures as data, and lines for the terminal. */
export async function present(
  facts: EvaluationFacts,
  outcome: Outcome,
  thresholdRule: ThresholdRuleName = 'insightface',
): Promise<{ page: string; figures: object; lines: readonly string[] }> {
  switch (outcome.kind) {
    case 'pairs': {
      const figures = summarizePairs(outcome, thresholdRule);
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
      ? [
          row('accuracy, threshold of its own list', holdOut.accuracy, `± ${percent(holdOut.binomialError, 2)}`),
          ...(holdOut.exact ? [exactRow(holdOut.exact, '')] : []),
        ]
      : []),
    row(
      `accuracy over ${verification.folds.length} folds`,
      accuracy,
      `± ${percent(standardDeviation, 2)} of folds, ± ${percent(standardError, 2)} of the mean`,
    ),
    ...(verification.exact
      ? [exactRow(verification.exact, `± ${percent(verification.exact.standardDeviation, 2)} of folds: `)]
      : []),
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

/** What stands beside a figure whose thresholds are too far apart. */
function exactRow({ accuracy, lost }: { readonly accuracy: number; readonly lost: number }, spread: string): string {
  const note = `${spread}the rule's thresholds are too far apart for these scores: their best gets ${percent(lost, 2)} % more of all pairs wrong`;
  return row('  with exact thresholds', accuracy, note);
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
    const names = faces ? [0, 1].map((side) => faces.list.names[faces.pairs[2 * i + side]!]!) : [];
    yield `${scores[i]!.toFixed(6)}\t${tableRow([labels[i]!, ...names], '\t')}`;
  }
}

/** All pairs as a tab-separated table. */
export function scoreTable(outcome: PairOutcome): Uint8Array {
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
