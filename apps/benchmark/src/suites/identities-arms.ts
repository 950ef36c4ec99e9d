// Who takes part in the suite `identities`, as changes of one configuration.

/** Of a batch; each shows two images. */
export const CLASSES = 32;

/** What a contender differs in from a Prototype Memory of a tenth of the identities, given how many there are. */
type Arm = (identities: number) => readonly string[];
/** Of a memory, and people of a group, at a share of all. */
export const slots = (share: number, n: number): number => Math.max(2 * CLASSES, Math.round(share * n));
/** A softmax over the batch, at half of the loss. */
const batch = 'head.batchShare=0.5';
const memoryAlone =
  (share: number): Arm =>
  (n) => [`head.size=${slots(share, n)}`, `sampler.order.groupSize=${slots(share, n)}`];
/** As the recipes have it. */
const memory =
  (share: number): Arm =>
  (n) => [batch, ...memoryAlone(share)(n)];
const everyClass = ['sampler.order=every-class'];
const sized: Arm = (n) => [`head.size=${slots(0.1, n)}`];
const momentum = 'head.momentum=0.99';
const withMomentum: Arm = (n) => [momentum, ...sized(n)];
/** Each with the sampler of its papers, classes at random, and with the memory's groups. */
const rivals: Readonly<Record<string, Arm>> = {
  'full-softmax': () => [],
  'partial-fc': sized,
  dcq: withMomentum,
  'dynamic-class-pool': withMomentum,
  'semi-siamese': withMomentum,
};
const heads: Readonly<Record<string, Arm>> = {
  'batch-only': () => ['head.kind=batch-only'],
  'prototype-memory': memory(0.1),
  'prototype-memory alone': memoryAlone(0.1),
  'prototype-memory alone, momentum': (n) => [momentum, ...memoryAlone(0.1)(n)],
  'prototype-memory, momentum': (n) => [momentum, ...memory(0.1)(n)],
  ...Object.fromEntries([1, 2, 20, 30].map((percent) => [`prototype-memory-${percent}%`, memory(percent / 100)])),
  ...Object.fromEntries(
    Object.entries(rivals).flatMap(([kind, more]) => [
      [kind, (n: number) => [`head.kind=${kind}`, ...more(n), ...everyClass]],
      [`${kind}, groups`, (n: number) => [`head.kind=${kind}`, ...more(n)]],
      [`${kind}, groups, batch`, (n: number) => [`head.kind=${kind}`, batch, ...more(n)]],
    ]),
  ),
};
const quickHeads = ['batch-only', 'full-softmax', 'prototype-memory', 'prototype-memory alone'];
/** One at a time around what a plan gives, at one number of identities. */
const ablations: Readonly<Record<string, readonly string[]>> = {
  'refresh ratio 0.2': ['head.refreshRatio=0.2'],
  'a quarter for the batch': ['head.batchShare=0.25'],
  'three quarters for the batch': ['head.batchShare=0.75'],
  'momentum encoder': ['head.momentum=0.99'],
  'refresh by similarity': ['head.refresh=by-similarity'],
  '2 rounds': ['sampler.order.rounds=2'],
  '8 rounds': ['sampler.order.rounds=8'],
  '4 images of 16 classes': ['sampler.classes=16', 'sampler.images=4'],
  'target prototype of all': ['head.targetPrototype=all'],
  'generation quality': ['head.generation=quality'],
  'hardest 100 columns': ['head.hardest=100'],
  companions: ['sampler.companions=doppelgangers'],
  'classes at random': everyClass,
};
const ABLATED = 50_000;
const planned = memory(0.02);
/** Every head gets the same search: these, one at a time, at one number of identities, with this seed and steps each. */
const settings: Readonly<Record<string, readonly string[]>> = {
  'rate 0.03': [],
  'rate 0.1': ['schedule.base=0.1'],
  'rate 0.2': ['schedule.base=0.2'],
  'rate 0.4': ['schedule.base=0.4'],
};
const searched: Readonly<Record<string, Arm>> = {
  ...Object.fromEntries(
    [
      ...['batch-only', 'prototype-memory-1%', 'prototype-memory, momentum'],
      ...Object.keys(rivals).map((kind) => `${kind}, groups, batch`),
    ].map((name) => [name, heads[name]!]),
  ),
  'prototype-memory-1%, momentum': (n) => [momentum, ...memory(0.01)(n)],
  // As many people as DCQ's keys are of, two images of each.
  'prototype-memory-5%': memory(0.05),
  'prototype-memory-5%, momentum': (n) => [momentum, ...memory(0.05)(n)],
};
const dcq =
  (keys: number, group: number): Arm =>
  (n) => [
    ...['head.kind=dcq', batch, momentum, `head.size=${slots(keys, n)}`],
    `sampler.order.groupSize=${slots(group, n)}`,
  ];
/** What might bring the memory nearer to DCQ where the rate is high, and DCQ nearer to the memory: at the rate that was chosen for both. */
const remedies: Readonly<Record<string, Arm>> = {
  'prototype-memory-1%, replace': (n) => ['head.refresh=replace', ...memory(0.01)(n)],
  'prototype-memory-1%, momentum, replace': (n) => ['head.refresh=replace', momentum, ...memory(0.01)(n)],
  'prototype-memory, momentum, replace': (n) => ['head.refresh=replace', momentum, ...memory(0.1)(n)],
  'prototype-memory-5%, momentum, replace': (n) => ['head.refresh=replace', momentum, ...memory(0.05)(n)],
  'prototype-memory-5%, momentum, replace, medoid': (n) => [
    ...['head.refresh=replace', 'head.generation=medoid', momentum],
    ...memory(0.05)(n),
  ],
  'dcq of 1,000 keys, groups of 500, batch': dcq(0.02, 0.01),
  'dcq, groups of 500, batch': dcq(0.1, 0.01),
  'dcq, groups of 2500, batch': dcq(0.1, 0.05),
};
const REMEDIED = 'rate 0.2';
const SEARCH = { identities: ABLATED, seed: 0, steps: 4000, classes: 128 };
/** The best settings found, which then train for all steps, and are tested on the people who are reported. */
const chosen: Readonly<Record<string, string>> = {
  'batch-only': 'rate 0.2',
  'prototype-memory-1%': 'rate 0.2',
  'prototype-memory-1%, momentum': 'rate 0.2',
  'prototype-memory-5%': 'rate 0.2',
  'prototype-memory-5%, momentum': 'rate 0.2',
  'dcq, groups, batch': 'rate 0.2',
  'dynamic-class-pool, groups, batch': 'rate 0.1',
  'semi-siamese, groups, batch': 'rate 0.2',
  'partial-fc, groups, batch': 'rate 0.2',
  'full-softmax, groups, batch': 'rate 0.1',
};

/** Large batches, of as many images in all, as fewer steps: classes of a batch, and rates. */
const LARGE_BATCHES = [
  [128, 0.2],
  [128, 0.4],
  [128, 0.8],
  [512, 0.2],
  [512, 0.4],
] as const;
const inLargeBatches: Readonly<Record<string, Arm>> = {
  'batch-only': () => ['head.kind=batch-only', ...everyClass],
  'prototype-memory-5%': memory(0.05),
  'prototype-memory-5%, momentum': (n) => [momentum, ...memory(0.05)(n)],
  'prototype-memory': memory(0.1),
  ...Object.fromEntries(
    Object.keys(rivals).map((kind) => [`${kind}, groups, batch`, heads[`${kind}, groups, batch`]!]),
  ),
};

/** By the schedule and rate of a start, in its place: one-cycle, a tenth of the steps warm-up. */
const fromRandomWeights = (steps: number): string[] => [
  'encoder.init=null',
  `schedule={"base":0.1,"warmup":${Math.round(steps / 10)}}`,
];

/** What goes on from a start, with the changes that make it what it is. */
export interface Contender {
  readonly group: string;
  readonly name: string;
  readonly patches: readonly string[];
  /** Of the steps of the others; all of them by default. */
  readonly shareOfSteps?: number;
}

const inBatchesOf = (n: number, group: string, classes: number, rate: number, more: readonly string[] = []) =>
  Object.entries(inLargeBatches).map(
    ([head, arm]): Contender => ({
      ...{ group, name: `${head}, ${classes} classes: rate ${rate}` },
      patches: [...arm(n), `sampler.classes=${classes}`, `schedule.base=${rate}`, ...more],
      shareOfSteps: CLASSES / classes,
    }),
  );

/** What is reported with so many identities. */
export const contenders = (n: number, steps: number, quick: boolean): Contender[] => [
  ...Object.entries(heads)
    .filter(([name]) => !quick || quickHeads.includes(name))
    .map(([name, arm]) => ({ group: `N = ${n}`, name, patches: arm(n) })),
  ...Object.entries(!quick && n === ABLATED ? ablations : {}).map(([name, patches]) => ({
    ...{ group: `N = ${n}, one at a time`, name },
    patches: [...planned(n), ...patches],
  })),
  ...Object.entries(!quick && n === SEARCH.identities ? chosen : {}).map(([head, setting]) => ({
    ...{ group: `N = ${n}, as searched`, name: `${head}: ${setting}` },
    patches: [...searched[head]!(n), ...settings[setting]!],
  })),
  ...(quick || n !== ABLATED ? [] : ['batch-only', 'prototype-memory-1%', 'full-softmax, groups, batch']).map(
    (name) => ({
      ...{ group: `N = ${n}, from random weights`, name },
      patches: [...heads[name]!(n), ...fromRandomWeights(steps)],
    }),
  ),
  ...(quick || n !== ABLATED ? [] : LARGE_BATCHES).flatMap(([classes, rate]) =>
    inBatchesOf(n, `N = ${n}, large batches`, classes, rate),
  ),
];

/** What is searched over with so many identities, by the run of this seed. */
export function searchFor(n: number, seed: number): Contender[] {
  if (n !== SEARCH.identities || seed !== SEARCH.seed) return [];
  const group = `N = ${n}, search`;
  return [
    ...[
      ...Object.entries(searched).flatMap(([head, arm]) => Object.keys(settings).map((at) => [head, arm, at] as const)),
      ...Object.entries(remedies).map(([head, arm]) => [head, arm, REMEDIED] as const),
    ].map(([head, arm, setting]) => ({
      ...{ group, name: `${head}: ${setting}` },
      patches: [...arm(n), ...settings[setting]!, `steps=${SEARCH.steps}`],
    })),
    ...LARGE_BATCHES.filter(([classes]) => classes === SEARCH.classes).flatMap(([classes, rate]) =>
      inBatchesOf(n, group, classes, rate, [`steps=${Math.round((SEARCH.steps * CLASSES) / classes)}`]),
    ),
  ];
}
