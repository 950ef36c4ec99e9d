import { pairCard } from './faces-section.ts';
import { decimal, percent } from './format.ts';
import { type Html, html } from './html.ts';
import { ageHistogram, stalenessCurves } from './memory-charts.ts';
import { facts, figure, grid, legend, section, table } from './parts.ts';
import type { ReportData, ReportHead } from './report-data.ts';
import { stepCurves } from './training-charts.ts';

/** Whether the prototypes keep up with the encoder, and how the memory was used. */
export async function memorySection({ heads }: Pick<ReportData, 'heads'>): Promise<Html | undefined> {
  const remembering = heads.filter((head) => head.memory);
  if (remembering.length === 0) return undefined;
  const stale = heads.flatMap(({ memory }, head) =>
    memory?.staleness?.length ? [{ head, points: memory.staleness }] : [],
  );
  const aged = heads.flatMap(({ memory }, head) =>
    memory?.ages?.length ? [{ head, points: Array.from(memory.ages) }] : [],
  );
  const occupancy = await stepCurves(heads, 'occupancy', { label: 'Slots in use', format: '~%', place: 'lower' });
  const hits = await stepCurves(heads, 'hitRate', {
    label: 'Hit rate',
    format: '~%',
    place: occupancy ? 'upper' : 'alone',
  });
  return section(
    'memory',
    'Memory',
    'A prototype is right for the encoder that made it. Staleness is how far the encoder has moved on since.',
    remembering.length > 1 ? legend(heads) : undefined,
    ...remembering.map((head) => memoryFacts(head, remembering.length > 1)),
    grid(
      stale.length > 0
        ? figure(
            'Staleness',
            'Cosine between a prototype as stored and as the encoder would make it now; the band is the 10th to 90th percentile.',
            ...(await stalenessCurves(stale, remembering.length)),
          )
        : undefined,
      aged.length > 0
        ? figure('Ages', 'Steps since each prototype was refreshed.', await ageHistogram(aged))
        : undefined,
      hits || occupancy
        ? figure('Use', 'Share of the classes of a batch that were in memory already.', hits, occupancy)
        : undefined,
    ),
    ...heads.map(({ name, lookAlikes = [] }) =>
      pairCard(
        `Look-alikes in memory${remembering.length > 1 ? `, ${name}` : ''}: different identities, nearest prototypes`,
        lookAlikes,
      ),
    ),
    ...heads.map(({ name, duplicates = [] }) =>
      pairCard(
        `May be one person under two names${remembering.length > 1 ? `, ${name}` : ''}: all of them in duplicates.tsv`,
        duplicates,
      ),
    ),
    stale.length > 0 ? stalenessTable(heads) : undefined,
  );
}

function memoryFacts({ name, memory }: ReportHead, named: boolean): Html | undefined {
  const { slots, used, hitRate, expectedHitRate, refreshed, evicted } = memory!;
  return html`${named && html`<h3>${name}</h3>`}${facts([
    ['Slots', decimal(slots)],
    ['In use', `${decimal(used)} (${percent(used / slots)} %)`],
    ['Hit rate', hitRate === undefined ? undefined : `${percent(hitRate)} %`],
    ['Hit rate expected', expectedHitRate === undefined ? undefined : `${percent(expectedHitRate)} %`],
    ['Refreshed', refreshed === undefined ? undefined : decimal(refreshed)],
    ['Evicted', evicted === undefined ? undefined : decimal(evicted)],
  ])}`;
}

function stalenessTable(heads: readonly ReportHead[]): Html {
  const rows = heads.flatMap(({ name, memory }) =>
    (memory?.staleness ?? []).map((bin) => [
      bin.from === bin.to ? decimal(bin.from) : `${decimal(bin.from)} \u2013 ${decimal(bin.to)}`,
      bin.meanCosine.toFixed(4),
      decimal(bin.count),
      name,
    ]),
  );
  return html`<details><summary>Staleness in numbers</summary>${table(
    'Cosine of stored and fresh prototypes by age',
    ['Age, steps', 'Mean cosine', 'Probed', 'Head'],
    rows,
  )}</details>`;
}
