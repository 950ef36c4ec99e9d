import { decodeImage } from '@protomem/data';
import sharp from 'sharp';
import { pairCard } from '../faces-section.ts';
import { decimal, duration, percent } from '../format.ts';
import { type Html, html } from '../html.ts';
import { memorySection } from '../memory-section.ts';
import { picture, section } from '../parts.ts';
import type { ReportHead, ReportImage, ReportPair } from '../report-data.ts';
import { trainingSection } from '../training-section.ts';
import type { LivePair, LiveRun, LiveSnapshot } from './live-data.ts';
import type { LogTail } from './log-tail.ts';

/** Everything that there is to see at one moment. */
export interface LiveState {
  readonly run: LiveRun;
  /** One for each head. */
  readonly logs: readonly LogTail[];
  /** The newest of each head, by its position. */
  readonly snapshots: ReadonlyMap<number, LiveSnapshot>;
}

/** Side of a look-alike on the page, pixels. */
const faceSide = 96;

/** The figures that change with every step. */
export function nowPart({ run, logs }: LiveState): Html {
  const head = currentHead(logs);
  const { last, steps, evaluations } = logs[head]!;
  if (!last) return html`<p class="lead">Waiting for the first step.</p>`;
  const done = last.step!;
  const evaluated = evaluations.at(-1);
  const best = evaluations.reduce(
    (a, b) => (b.accuracy > a.accuracy ? b : a),
    evaluations[0] ?? { step: 0, accuracy: 0 },
  );
  const share = decimal((100 * done) / run.steps, 0);
  const waiting = last['speed/waiting_share'] ?? 0;
  const skipped = last['data/skipped_images'] ?? 0;
  const recent = steps.slice(-50).flatMap(({ loss }) => (loss === undefined ? [] : [loss]));
  const mean = recent.reduce((sum, loss) => sum + loss, 0) / recent.length;
  const stepSeconds = last['speed/step_seconds']!;
  return html`<div data-title="${share} % · loss ${decimal(last['train/loss']!, 3)} · ${run.title}" data-time="${last.time}" data-patience="${Math.max(30, 20 * stepSeconds)}">
<progress max="${run.steps}" value="${done}" aria-label="Steps done">${share} %</progress>
<div class="tiles">
${tile(run.heads.length > 1 ? `Step, ${run.heads[head]!.name}` : 'Step', decimal(done), `of ${decimal(run.steps)}, epoch ${decimal(last['progress/epoch']!, 2)}`)}
${tile('Time left', duration(last['speed/seconds_left']!), `${decimal(stepSeconds, 3)} s a step`)}
${tile('Loss', decimal(last['train/loss']!, 4), `${decimal(mean, 3)} over the last ${recent.length}`)}
${tile('Learning rate', Number(last['train/learning_rate']!.toPrecision(3)).toString(), `gradient norm ${decimal(last['train/gradient_norm']!, 3)}`)}
${tile('Images a second', decimal(last['speed/images_per_second']!, 1), `${percent(waiting, 0)} % of it waiting for data`)}
${evaluated && tile('Accuracy', `${percent(evaluated.accuracy, 2)} %`, `step ${decimal(evaluated.step)}; best ${percent(best.accuracy, 2)} % at ${decimal(best.step)}`)}
</div>
<p class="lead">${run.heads[head]!.out}, ${decimal(last['memory/resident_mib']!)} MiB in use, ${skipped > 0 ? `${decimal(skipped)} images left out: the terminal names them` : 'no image left out'}.</p>
</div>`;
}

function tile(label: string, value: string, other: string): Html {
  return html`<div class="tile"><div class="label">${label}</div><div class="value">${value}</div><div class="other">${other}</div></div>`;
}

/** Curves of all heads so far. */
export async function trainingPart({ run, logs }: LiveState): Promise<Html | undefined> {
  return trainingSection({ heads: reportHeads(run, logs) });
}

/** Staleness, ages, use, and who looks like whom. */
export async function memoryPart({ run, logs, snapshots }: LiveState): Promise<Html | undefined> {
  const heads = await Promise.all(
    reportHeads(run, logs).map(async (head, i) => {
      const { memory, lookAlikes = [], suspects = [] } = snapshots.get(i) ?? {};
      return { ...head, memory, lookAlikes: await pictures(lookAlikes), duplicates: await pictures(suspects) };
    }),
  );
  return memorySection({ heads });
}

/** The batch of the newest snapshot, a row for each identity. */
export async function batchPart({ snapshots }: LiveState): Promise<Html | undefined> {
  const snapshot = [...snapshots.values()].sort((a, b) => a.head - b.head).at(-1);
  if (!snapshot) return undefined;
  const { side, step } = snapshot;
  const rows = new Map<string, ReportImage[]>();
  for (const { identity, name, pixels } of snapshot.faces) {
    const bytes = await sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
      .jpeg({ quality: 85 })
      .toBuffer();
    rows.set(identity, [...(rows.get(identity) ?? []), { name, bytes }]);
  }
  const doppelgangers = await pictures(snapshot.doppelgangers);
  return section(
    'faces',
    'The batch',
    `Step ${decimal(step)}, as the encoder took it after augmentation; one identity a row. Look for wrong labels, bad crops and augmentation that goes too far.`,
    html`<div class="card faces">${[...rows].map(
      ([identity, images]) =>
        html`<div class="identity"><span>${identity}</span><div>${images.map((image) => picture(image))}</div></div>`,
    )}</div>`,
    pairCard('Doppelgangers in this batch: different identities that the miner brought together', doppelgangers),
  );
}

function reportHeads({ heads }: LiveRun, logs: readonly LogTail[]): ReportHead[] {
  return heads.map(({ name }, i) => {
    const { steps, evaluations } = logs[i]!;
    return { name, seconds: 0, imagesPerSecond: 0, steps, evaluations };
  });
}

/** Heads are trained one after the other. */
function currentHead(logs: readonly LogTail[]): number {
  return Math.max(
    0,
    logs.findLastIndex(({ last }) => last !== undefined),
  );
}

async function pictures(pairs: readonly LivePair[]): Promise<ReportPair[]> {
  const shown = await Promise.all(
    pairs.map(async ({ first, second, score }) => {
      const [a, b] = [await faceOf(first), await faceOf(second)];
      return a && b ? [{ first: a, second: b, score }] : [];
    }),
  );
  return shown.flat();
}

async function faceOf({ name, bytes }: LivePair['first']): Promise<ReportImage | undefined> {
  // An unreadable image is named in the console already.
  const pixels = await decodeImage(bytes, { height: faceSide, width: faceSide, name }).catch(() => undefined);
  if (!pixels) return undefined;
  const raw = { width: faceSide, height: faceSide, channels: 3 } as const;
  return { name, bytes: await sharp(pixels, { raw }).jpeg({ quality: 85 }).toBuffer() };
}
