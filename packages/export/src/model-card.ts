import { basename } from 'node:path';
import type { EncoderCard } from '@protomem/core/contracts';
import type { Agreement } from './check-export.ts';
import type { RunFacts, Threshold } from './read-run.ts';
import { PLAIN, type WriteSettings } from './write-model.ts';

/** What a card is made of. */
export interface CardFacts {
  readonly card: EncoderCard;
  readonly target: 'onnx' | 'tfjs' | 'safetensors';
  readonly settings: Omit<WriteSettings, 'metadata'>;
  readonly agreement: Agreement;
  /** Of 8 bits: on which faces, in words. */
  readonly calibratedOn?: string | undefined;
  readonly licence?: string | undefined;
  readonly run?: RunFacts | undefined;
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
/** JSON has null for what is not finite. */
const bound = (value: number | null): string => (value === null ? 'no bound' : value.toFixed(4));

/** Words of others in a cell of a table: no bar and no line ends one. */
const cell = (text: string): string => text.replace(/[|\r\n]+/g, ' ');

/** A model's card, Markdown: what it takes and gives, what it was trained on, what it scored, and where its threshold lies. */
export function modelCard(facts: CardFacts): string {
  const { card, target, settings, agreement, calibratedOn, licence, run } = facts;
  const [height, width] = card.inputSize;
  const rows = (table: readonly (readonly [string, string | number])[]): string[] =>
    table.map(([key, value]) => `| ${key} | ${cell(String(value))} |`);
  return [
    '---',
    `license: ${JSON.stringify(licence ?? 'not stated')}`,
    `library_name: ${{ onnx: 'onnx', tfjs: 'tfjs', safetensors: 'pytorch' }[target]}`,
    'tags: [face-recognition, feature-extraction]',
    '---',
    '',
    `# ${card.name}, ${card.embeddingSize} numbers a face`,
    '',
    '| | |',
    '| --- | --- |',
    ...rows([
      ['encoder', `${card.name}: ${card.source}`],
      ['parameters', card.parameters.toLocaleString('en')],
      ['multiply-adds an image', card.macs.toLocaleString('en')],
      ['licence', licence ?? 'not stated'],
      ['precision', settings.precision],
      ...(calibratedOn ? ([['calibrated on', calibratedOn]] as const) : []),
      ...(target === 'onnx' ? ([['operator set', settings.opset]] as const) : []),
      [
        'checked after writing',
        `cosine to the encoder ${agreement.lowest.toFixed(6)} at least, ${agreement.mean.toFixed(6)} in the mean, on ${agreement.images} ${agreement.faces}, by ${agreement.by}`,
      ],
    ]),
    '',
    '## Input and output',
    '',
    ...pixels(target, card, settings, height, width),
    `Output: \`embedding\`, [batch, ${card.embeddingSize}]${settings.flip ? ', that of the mirror image added' : ''}, not normalised. Compare by cosine.`,
    'Faces are aligned to the five points of the ArcFace 112 x 112 template, scaled to the size above.',
    '',
    '## Training',
    '',
    ...(run ? training(run, rows) : ['Not known: the encoder was exported without its run.', '']),
    '## Results',
    '',
    ...(run ? results(run) : ['None: the encoder was exported without its run.', '']),
  ].join('\n');
}

function pixels(
  target: CardFacts['target'],
  { normalization: { mean, std } }: EncoderCard,
  { normalize }: Pick<WriteSettings, 'normalize'>,
  height: number,
  width: number,
): string[] {
  if (target === 'safetensors') {
    return [`Input: [batch, 3, ${height}, ${width}], RGB, (pixel - ${mean}) / ${std}.`];
  }
  const sides = target === 'onnx' ? `3, ${height}, ${width}` : `${height}, ${width}, 3`;
  const how =
    normalize === 'inside'
      ? `bytes 0 ... 255 as float32: (pixel - ${mean}) / ${std} is inside the model`
      : `(pixel - ${PLAIN}) / ${PLAIN}`;
  return [`Input: \`data\`, float32 [batch, ${sides}], RGB, ${how}.`];
}

function training(
  { config, head }: RunFacts,
  rows: (table: readonly (readonly [string, string | number])[]) => string[],
) {
  const { data } = config;
  const source =
    data.kind === 'synthetic'
      ? `synthetic faces: ${data.identities} people, ${data.imagesPerIdentity} images of each, seed ${data.seed}`
      : data.kind === 'dataset'
        ? `${basename(data.path)}, people with ${data.minImages} images or more`
        : 'a source of its own';
  return [
    '| | |',
    '| --- | --- |',
    ...rows([
      ['data', source],
      ['recipe', config.recipe],
      ['head', head.name],
      ['steps', head.steps],
      ['seed', config.seed],
      ...(head.skipped.length > 0 ? ([['images left out', head.skipped.length]] as const) : []),
    ]),
    '',
  ];
}

/** False accept rates that a card states a threshold for. */
const FARS = [1e-3, 1e-4];

function results({ head: { verification }, evaluations }: RunFacts): string[] {
  const { accuracy, standardError, positives, negatives, tarAtFar } = verification;
  const own = FARS.map((far) => {
    const point = tarAtFar.find((one) => one.far === far);
    if (!point?.reachable) return `| ${far} | not to be told from ${negatives} pairs of strangers | |`;
    const [low, high] = point.interval!;
    return `| ${far} | ${bound(point.threshold)} | ${percent(point.tar!)} (${percent(low)} to ${percent(high)}) |`;
  });
  const lists = evaluations.map(
    ({ protocol, accuracy, interval, pairs }) =>
      `| ${cell(protocol)} | ${pairs} | ${percent(accuracy)}${interval ? ` (drawn again: ${interval.map((one) => (one === null ? 'no bound' : percent(one))).join(' to ')})` : ''} |`,
  );
  const calibrated = evaluations.flatMap(({ protocol, thresholds }) =>
    FARS.map((far) => thresholdRow(protocol, far, thresholds)),
  );
  return [
    '| test | pairs | accuracy |',
    '| --- | --- | --- |',
    `| the run's own, people never seen in training | ${positives + negatives} | ${percent(accuracy)} ± ${percent(standardError)} |`,
    ...lists,
    '',
    "Cosine from which two faces count as one person, on the run's own test, mirror images added:",
    '',
    '| false accept rate | threshold | true accept rate, 95 % |',
    '| --- | --- | --- |',
    ...own,
    '',
    ...(calibrated.length > 0
      ? [
          'Thresholds of the other tests, with where the threshold of exactly that rate lies among all strangers, 95 %:',
          '',
          '| test | false accept rate | threshold |',
          '| --- | --- | --- |',
          ...calibrated,
          '',
        ]
      : []),
  ];
}

function thresholdRow(protocol: string, far: number, thresholds: readonly Threshold[]): string {
  const found = thresholds.find((one) => one.far === far);
  const words = found
    ? `${bound(found.threshold)} (${found.interval.map(bound).join(' to ')}), of ${found.negatives} pairs of strangers`
    : 'too few pairs of strangers, or not asked for';
  return `| ${cell(protocol)} | ${far} | ${words} |`;
}
