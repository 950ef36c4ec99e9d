import type { ImageSource } from '@protomem/core';
import { tooFewImages } from '@protomem/data';
import { checkTogether } from './check-together.ts';
import { patchConfig, withGroupSize } from './config.ts';
import { type DataFacts, expectedHitRate, startersOf, takingPart } from './hit-rate.ts';
import type { RunConfig, RunDraft } from './run-schema.ts';

/** What a plan goes by where nothing is said. */
const usual = {
  /** Images of a batch. */
  batch: 128,
  /** Of a class: a group's rounds together show about all images of an identity in the middle, within these bounds. */
  images: { least: 2, most: 4 },
  /** Of a group: three of four visits find their class. Fewer where the steps then show everybody. */
  rounds: { least: 3, most: 4 },
  /**
   * The most slots, in batches' worth of classes: a class comes back after so many, and its prototype is then 0.99 as near to a
   * fresh one as one just stored; more slots gain nothing ("50,000 people" in benchmarks/identities-study.md). Prototypes of a
   * momentum encoder are as fresh later, and more of them gain 1.2 points at FAR 1e-3 ("One search for all" there).
   */
  slotBatches: { own: 32, momentum: 80 },
  /** Of the loss: +2 points of TAR at FAR 1e-2 and 1e-3 over the memory alone ("memory and batch" in benchmarks/identities-study.md). */
  batchShare: 0.5,
  /** Look-alikes keep classes of the last group in memory, which takes slots from the present one. */
  groupWithCompanions: 0.75,
  /** Of the bytes that are free. */
  memory: 1 / 8,
  /** Over the images; the most steps are hours on two cores. */
  passes: 10,
  steps: 10_000,
};

/** What a slot takes beside its prototype: who is in it, since when, and the order in which they leave. */
const SLOT_BYTES = 128;

/** What a run can be expected to do, in words and in one number. */
export interface Plan {
  /** The first says it all; the others, what should be known besides. */
  readonly sentences: readonly string[];
  /** Mean over the run of the share of a batch's classes that are found in memory; of a head that has Prototype Memory. */
  readonly expectedHitRate?: number;
  /** Of an expectation below one half: what it is and what to change. */
  readonly warning?: string;
}

/** What plans need to know of a source; looks at the number of images of each identity, unless all have as many. */
export function factsOf(source: ImageSource): DataFacts {
  const { identities, imagesPerIdentity } = source;
  if (imagesPerIdentity !== undefined) return { identities, byImages: new Map([[imagesPerIdentity, identities]]) };
  const byImages = new Map<number, number>();
  for (let identity = 0; identity < identities; identity++) {
    const own = source.imagesOf(identity);
    byImages.set(own, (byImages.get(own) ?? 0) + 1);
  }
  return { identities, byImages };
}

/**
 * A run with numbers where it leaves them to the plan. What is a number already stays.
 *
 * - images of a class: a quarter of what an identity in the middle has, 2 to 4
 * - classes of a batch: as many as make it 128 images
 * - steps: ten passes over the images, at most 10,000; warm-up a tenth, an evaluation each fifth of them
 * - rounds of a group: 4; or 3, where everybody is then shown and with 4 not
 * - the batch's share of the loss: a half beside a Prototype Memory, unless the loss is one's own
 * - slots: one for each identity that the steps can show so often, at most as many as 32 batches have classes (80 with
 *   `head.momentum`), and no more than fit into an eighth of the memory that is free, or into `plan.memory`. Groups as large, which
 *   divide the identities evenly.
 *
 * @param free bytes
 * @throws ProtomemError for numbers that do not go together
 */
export function fillIn(draft: RunDraft, data: DataFacts, free: number): RunConfig {
  const { sampler, epochs, schedule, evaluation } = draft;
  const given = 'size' in draft.head ? draft.head.size : null;
  const images = sampler.images ?? clamp(Math.floor(median(data) / usual.rounds.most), usual.images);
  // Where nobody takes part, the sampler says so.
  const people = Math.max(1, takingPart(data, { ...sampler, images } as RunConfig['sampler']));
  const room = Math.min(people, given ?? people, groupSizeOf(sampler) ?? people);
  const classes = sampler.classes ?? Math.max(1, Math.min(Math.round(usual.batch / images), room));
  // Of a run in passes the steps are not yet known: what follows from them keeps its share.
  const steps =
    draft.steps ??
    (epochs === null
      ? clamp(Math.ceil((usual.passes * imagesIn(data)) / (classes * images)), { most: usual.steps })
      : 1000);
  const sized = { ...sampler, classes, images } as RunConfig['sampler'];
  const visits = (steps * startersOf(sized)) / people;
  const showsAll = epochs === null && Math.floor(visits) === usual.rounds.least;
  const rounds = showsAll ? usual.rounds.least : usual.rounds.most;
  const order =
    sampler.order.kind === 'groups' ? { ...sampler.order, rounds: sampler.order.rounds ?? rounds } : sampler.order;
  const size =
    given ?? slotsFor({ draft, free, classes, images, people, passes: epochs ?? visits / roundsOf(order, rounds) });
  const filled = {
    ...draft,
    steps,
    sampler: { ...sized, order: withGroups({ ...sized, order }, size, given, data) },
    head: {
      ...draft.head,
      ...('size' in draft.head && { size }),
      ...('batchShare' in draft.head && { batchShare: draft.head.batchShare ?? batchShareOf(draft.head) }),
    },
    schedule: { ...schedule, warmup: schedule.warmup ?? Math.round(steps / 10) },
    evaluation: { ...evaluation, every: evaluation.every ?? Math.max(1, Math.round(steps / 5)) },
  } as RunConfig;
  checkTogether('the plan', filled);
  return withGroupSize(filled);
}

type Order = RunConfig['sampler']['order'];

/** Two heads would share the state that a loss of one's own may have. */
const batchShareOf = (head: Extract<RunDraft['head'], { readonly batchShare: unknown }>): number =>
  head.kind === 'prototype-memory' && head.loss.name !== 'own' ? usual.batchShare : 0;

const clamp = (value: number, { least = 1, most }: { readonly least?: number; readonly most: number }): number =>
  Math.max(least, Math.min(most, value));

const groupSizeOf = ({ order }: RunDraft['sampler']): number | null =>
  order.kind === 'groups' ? order.groupSize : null;
const roundsOf = (order: Order, otherwise: number): number => (order.kind === 'groups' ? order.rounds : otherwise);

interface Sizing {
  readonly draft: RunDraft;
  readonly free: number;
  readonly classes: number;
  readonly images: number;
  readonly people: number;
  /** Over all groups. */
  readonly passes: number;
}

function slotsFor({ draft, free, classes, images, people, passes }: Sizing): number {
  const { head, sampler, plan } = draft;
  const reached = Math.min(people, Math.ceil(people * passes));
  const follows = head.kind === 'prototype-memory' && head.momentum !== null;
  const wanted = Math.min(reached, usual.slotBatches[follows ? 'momentum' : 'own'] * classes);
  const budget = plan.memory === null ? free * usual.memory : plan.memory * 2 ** 20;
  const fitting = Math.floor(budget / (bytesOfSlot(draft) + SLOT_BYTES));
  const least = classes * (head.kind === 'semi-siamese' ? images : 1);
  const slots = Math.max(least, Math.min(Math.max(wanted, groupSizeOf(sampler) ?? 0), fitting));
  // Groups of one size leave no slot empty.
  const even = Math.ceil(people / Math.ceil(people / slots));
  return sampler.order.kind === 'groups' && sampler.companions.kind === 'none' ? Math.max(least, even) : slots;
}

function withGroups(sampler: RunConfig['sampler'], size: number, given: number | null, data: DataFacts): Order {
  const { order, companions, classes } = sampler;
  if (order.kind !== 'groups' || order.groupSize !== null || given !== null) return order;
  if (companions.kind === 'none' || size >= data.identities) return order;
  return { ...order, groupSize: Math.max(classes, Math.floor(usual.groupWithCompanions * size)) };
}

const bytesOfSlot = ({ head, encoder }: RunDraft): number =>
  encoder.embeddingSize * ('storage' in head && head.storage === 'bfloat16' ? 2 : 4);

function imagesIn({ byImages }: DataFacts): number {
  let sum = 0;
  for (const [own, identities] of byImages) sum += own * identities;
  return sum;
}

/** Images of an identity in the middle. */
function median({ identities, byImages }: DataFacts): number {
  let below = 0;
  for (const [own, count] of [...byImages].sort(([a], [b]) => a - b)) {
    below += count;
    if (below >= identities / 2) return own;
  }
  return 0;
}

/**
 * What a run will do.
 *
 * @param source for what it passed over
 */
export function planOf(config: RunConfig, data: DataFacts, source: Pick<ImageSource, 'remarks'>): Plan {
  const expected = expectedHitRate(config, data);
  return {
    sentences: [
      mainSentence(config, data, expected),
      encoderSentence(config),
      ...batchSentences(config, data),
      ...fewImagesSentences(config, data, source),
      ...shareSentences(config),
    ],
    ...(expected !== undefined && { expectedHitRate: expected }),
    ...(expected !== undefined && tooLow(expected) && { warning: warningOf(config, data, expected) }),
  };
}

/** Below one half: most classes come as new ones, and nothing is refreshed. */
export const tooLow = (hitRate: number): boolean => hitRate < 0.5 - 1e-9;

const count = (value: number): string => Math.round(value).toLocaleString('en');
const percent = (share: number): string => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;

function bytes(value: number): string {
  const [unit, by] = value < 2 ** 20 ? ['KiB', 2 ** 10] : value < 2 ** 30 ? ['MiB', 2 ** 20] : ['GiB', 2 ** 30];
  const scaled = value / by;
  return `${scaled < 10 ? scaled.toFixed(1) : count(scaled)} ${unit}`;
}

/** An encoder as a page calls it. */
export const encoderName = ({ encoder }: RunConfig): string =>
  encoder.name === 'own'
    ? encoder.own
    : `${encoder.name} (width ${encoder.width}, ${encoder.inputSize}x${encoder.inputSize})`;

/** A loss as a page calls it; of a head that is one's own, nothing is known of it. */
export const lossName = ({ head }: RunConfig): string | undefined =>
  'loss' in head ? (head.loss.name === 'own' ? head.loss.own : head.loss.name) : undefined;

function encoderSentence(config: RunConfig): string {
  const { encoder, head } = config;
  const said = `encoder ${encoderName(config)}, embeddings of ${encoder.embeddingSize}`;
  if (!('loss' in head)) return said;
  const figures = Object.entries(head.loss).filter(([, value]) => typeof value === 'number');
  const shown = figures.map(([key, value]) => `${key} ${value}`).join(', ');
  return `${said}; loss ${lossName(config)}${shown && ` (${shown})`}`;
}

/** Copies of a weight that training holds: itself, its gradient, and what the optimizer keeps of it. */
function copiesOf({ optimizer }: RunConfig): readonly string[] {
  if (!('momentum' in optimizer)) return ['gradient', 'two moments'];
  return optimizer.momentum > 0 ? ['gradient', 'momentum'] : ['gradient'];
}

function mainSentence(config: RunConfig, data: DataFacts, expected: number | undefined): string {
  const { head, encoder, sampler } = config;
  const copies = copiesOf(config);
  const times = 1 + copies.length + (copies.includes('two moments') ? 1 : 0);
  const overAll = `a softmax over all ${head.kind === 'full-softmax' ? 'holds' : 'would hold'} ${bytes(data.identities * encoder.embeddingSize * 4 * times)} (with ${copies.join(' and ')})`;
  const people = `${count(data.identities)} identities`;
  if (!('size' in head)) return `${people}, ${orderOf(sampler, data)}; ${overAll}`;
  const columns =
    head.kind === 'prototype-memory'
      ? `${count(head.size)} slots (${bytes(head.size * bytesOfSlot(config))})`
      : `${count(head.size)} columns`;
  const found = expected === undefined ? '' : `: ${percent(expected)} of classes will be found in memory`;
  return `${people}, ${columns}, ${orderOf(sampler, data)}${found}; ${overAll}`;
}

function orderOf({ order, companions }: RunConfig['sampler'], { identities }: DataFacts): string {
  const alike = companions.kind === 'none' ? '' : ` with ${companions.kind}`;
  if (order.kind !== 'groups') return `order ${order.kind}${alike}`;
  const size = Math.min(identities, order.groupSize ?? identities);
  const groups = Math.ceil(identities / size);
  if (groups === 1) return `one group${alike}`;
  return `groups of ${count(Math.ceil(identities / groups))}, ${order.rounds} rounds${alike}`;
}

function batchSentences({ sampler, steps }: RunConfig, data: DataFacts): string[] {
  const { classes, images, order } = sampler;
  const visits = steps * startersOf(sampler);
  const said = `batches of ${count(classes)} classes x ${images} images, ${count(steps)} steps: ${percent((steps * classes * images) / imagesIn(data))} of the data's ${count(imagesIn(data))} images`;
  const reached = order.kind === 'groups' ? visits / order.rounds : visits;
  return [reached < takingPart(data, sampler) ? `${said}; they reach about ${count(reached)} of the identities` : said];
}

function shareSentences({ head }: RunConfig): string[] {
  if (!('batchShare' in head) || head.batchShare === 0) return [];
  const share = head.batchShare === 0.5 ? 'half' : percent(head.batchShare);
  return [`${share} of the loss is over the batch's own classes alone (head.batchShare=${head.batchShare})`];
}

function fewImagesSentences(
  { data, sampler }: RunConfig,
  facts: DataFacts,
  source: Pick<ImageSource, 'remarks'>,
): string[] {
  const { images, fewImages } = sampler;
  const sentences: string[] = [];
  if (data.kind === 'dataset') {
    const left = source.remarks?.find(({ reason }) => reason === tooFewImages(data.minImages));
    if (left)
      sentences.push(
        `${count(left.count)} more identities have fewer than data.minImages=${data.minImages} images and are left out`,
      );
  }
  let few = 0;
  for (const [own, identities] of facts.byImages) if (own < images) few += identities;
  if (few === 0) return sentences;
  const rule = {
    repeat: 'their own are repeated, each time augmented otherwise',
    fill: 'other identities fill their places',
    skip: 'they take no part',
  }[fewImages];
  return [
    ...sentences,
    `${count(few)} of the ${count(facts.identities)} identities have fewer than the ${images} images that a class shows: ${rule} (sampler.fewImages=${fewImages})`,
  ];
}

function warningOf(config: RunConfig, data: DataFacts, expected: number): string {
  return `only ${percent(expected)} of classes will be found in memory, the others come as new ones and are never refreshed. ${remedy(config, data)}`;
}

/** What brings the hit rate to one half or above, by the same arithmetic: the least that is to be changed. */
export function remedy(config: RunConfig, data: DataFacts): string {
  const { head, sampler, steps } = config;
  if (head.kind !== 'prototype-memory') return 'Take more columns: head.size.';
  const { order, classes } = sampler;
  const visits = steps * startersOf(sampler);
  const small = Math.max(2 * classes, Math.floor(visits / usual.rounds.most));
  const single: string[][] = [
    ...(sampler.fewImages === 'fill' ? [['sampler.fewImages=repeat']] : []),
    ...(order.kind === 'groups' && order.groupSize !== null && order.groupSize > head.size
      ? [[`sampler.order.groupSize=${head.size}`]]
      : []),
    ...(order.kind === 'groups' && order.rounds < usual.rounds.least ? [['sampler.order.rounds=4']] : []),
    ...(order.kind === 'groups' ? [] : [['sampler.order=groups']]),
  ];
  const smaller = [
    ...(order.kind === 'groups' ? [] : ['sampler.order=groups']),
    ...(order.kind === 'groups' && order.rounds < usual.rounds.least ? ['sampler.order.rounds=4'] : []),
    `sampler.order.groupSize=${Math.min(small, head.size)}`,
  ];
  const everybody = data.identities < 2 ** 31 ? [`head.size=${data.identities}`] : [];
  const ways = [...single, single.flat(), smaller, [...single.flat(), ...smaller], everybody];
  for (const patches of ways.filter(({ length }) => length > 0)) {
    const changed = patchConfig(config, patches) as RunConfig;
    const hitRate = expectedHitRate(changed, data)!;
    if (!tooLow(hitRate)) {
      return `Set ${patches.map((patch) => `--set ${patch}`).join(' ')}: ${percent(hitRate)}.`;
    }
  }
  return `Train longer than ${count(steps)} steps: each class is hardly seen twice.`;
}
