import type { Identification, MegaFaceResult, Retrieval } from '@protomem/evaluation';
import { rankChart } from './evaluation-charts.ts';
import { type EvaluationFacts, evaluationPage, score, tile, tilesOf } from './evaluation-page.ts';
import { decimal, percent, rate } from './format.ts';
import { html } from './html.ts';
import { figure, grid, section, table } from './parts.ts';

/** 1:N by either convention. */
export async function identificationPage(about: EvaluationFacts, results: readonly Identification[]): Promise<string> {
  const parts = await Promise.all(
    results.map(async ({ convention, ranks, tpirAtFpir, mated, nonMated }) =>
      section(
        convention.replace(' ', '-'),
        convention === 'separate galleries' ? 'Each gallery by itself, averaged' : 'All galleries as one',
        convention === 'separate galleries'
          ? `${decimal(mated)} searches with an entry, ${decimal(nonMated)} without. FPIR counts the best score of each stranger.`
          : `${decimal(mated)} probes, all with an entry. FPIR counts all scores with other entries: not comparable with the above.`,
        grid(
          figure(`Ranks, ${convention}`, 'Share of probes whose own entry is among the first.', await rankChart(ranks)),
          html`<div class="card">${table(
            'True positive identification rate, %',
            ['at FPIR', 'TPIR', 'Threshold'],
            tpirAtFpir.map(({ fpir, tpir, thresholds }) => [
              rate(fpir),
              percent(tpir, 2),
              thresholds.map(score).join(', '),
            ]),
          )}</div>`,
          html`<div class="card">${table(
            'Ranks, %',
            ['rank', 'rate'],
            ranks.map(({ rank, rate }) => [`${rank}`, percent(rate, 2)]),
          )}</div>`,
        ),
      ),
    ),
  );
  return evaluationPage(about, tilesOf(results[0]!.ranks), ...parts);
}

export async function megaFacePage(
  about: EvaluationFacts,
  raw: MegaFaceResult,
  clean?: MegaFaceResult,
): Promise<string> {
  const shown = clean ?? raw;
  return evaluationPage(
    about,
    tilesOf(shown.ranks),
    section(
      'ranks',
      'Identification among distractors',
      `${decimal(shown.trials)} trials among ${decimal(shown.distractors)} distractors.`,
      grid(
        figure(
          'Ranks',
          clean ? 'Without the images that the noise lists name.' : 'With all images.',
          await rankChart(shown.ranks),
        ),
        html`<div class="card">${table(
          'Hits, %',
          ['rank', 'all images', ...(clean ? ['cleaned lists'] : [])],
          raw.ranks.map(({ rank, rate }, i) => [
            `${rank}`,
            percent(rate, 2),
            ...(clean ? [percent(clean.ranks[i]!.rate, 2)] : []),
          ]),
        )}</div>`,
      ),
    ),
  );
}

export async function retrievalPage(about: EvaluationFacts, result: Retrieval): Promise<string> {
  const { recall, mapAtR, rPrecision, queries, alone } = result;
  return evaluationPage(
    about,
    html`<div class="tiles">${tile('Recall at 1', percent(recall[0]!.rate, 2), '')}${tile('MAP@R', percent(mapAtR, 2), '')}${tile('R-precision', percent(rPrecision, 2), '')}</div>`,
    section(
      'recall',
      'Nearest images',
      `${decimal(queries)} queries; ${decimal(alone)} images whose person has no other are left out.`,
      grid(
        figure(
          'Recall',
          'Share of queries with the same person among the first k.',
          await rankChart(recall.map(({ k, rate }) => ({ rank: k, rate }))),
        ),
        html`<div class="card">${table(
          'Recall, %',
          ['k', 'recall'],
          recall.map(({ k, rate }) => [`${k}`, percent(rate, 2)]),
        )}</div>`,
      ),
    ),
  );
}
