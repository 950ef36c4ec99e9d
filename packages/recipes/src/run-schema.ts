import { type BaselineName, baselines } from '@protomem/baselines';
import { type Option, type Options, option, type Presence } from '@protomem/core';
import { createAugmentation, createLoader, listColumns, openOptions, type SamplerName, samplers } from '@protomem/data';
import { type EncoderName, encoders, forFineTuning } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { distilled } from '@protomem/heads';
import { losses } from '@protomem/losses';
import { createPrototypeMemory } from '@protomem/memory';
import { type CompanionRule, createMiner } from '@protomem/mining';
import { syntheticFaces } from '@protomem/synthetic';
import { createTrainer, optimizers, reencodeOptions, type ScheduleName, schedules } from '@protomem/training';
import { fieldsOf, kinds, optionsOfEach, section, type ValueOf } from './schema.ts';

const share = { min: 0, max: 1 } as const;

/** An option that null leaves to the plan, which is made once the data are open; see `fillIn`. */
function planned(standing: Option<number, Presence>, absent: string): Option<number, 'absent'> {
  return { ...(standing as Option<number, 'absent'>), absent };
}

/** The name of a part that a user's own file holds; see `readRunFile`. */
const own = { own: option.text({ help: 'Name of a part of your own, from the file that the run is made from.' }) };

const inputSize = option.integer({ help: 'Side of the square input image, pixels.', min: 16, max: 4096, default: 112 });

const init = option.text({
  help: 'Weights to start from: a run, or an `encoder.safetensors`, of the same encoder.',
  absent: 'random, from the seed',
});

/** An encoder's own options, with what a run says of every encoder. */
const encoderFields = <N extends EncoderName>(name: N) => ({
  ...fieldsOf((encoders as Pick<typeof encoders, N>)[name].options, {
    without: ['seed', 'inputSize'],
    standards: { embeddingSize: 512 },
  }),
  inputSize,
  init,
  ...fieldsOf(forFineTuning.options, { without: ['encoder'] }),
});
type EncoderFields = { readonly [N in EncoderName]: ReturnType<typeof encoderFields<N>> };

/** What may go missing of data that has to be read. */
const missing = { maxMissing: createLoader.options.maxMissing };

const data = kinds('kind', {
  // Those of the evaluation follow the ones that are trained on.
  synthetic: fieldsOf(syntheticFaces.options, {
    without: ['firstIdentity', 'size'],
    standards: { imagesPerIdentity: 16, seed: 0 },
  }),
  dataset: {
    path: option.text({ help: 'A file or folder of any format that `openDataset` reads.' }),
    ...fieldsOf(openOptions, { without: ['columns'] }),
    columns: section(fieldsOf(listColumns)),
    minImages: option.integer({ help: 'Identities with fewer images are left out of training.', min: 1, default: 2 }),
    ...missing,
  },
  own: { ...own, ...missing },
});

const pairs = kinds('kind', {
  synthetic: {
    identities: option.integer({ help: 'Synthetic people to test on.', min: 2, default: 300 }),
    imagesPerIdentity: option.integer({ help: 'Images of each person that is tested.', min: 2, default: 4 }),
    count: option.integer({ help: 'Pairs of each kind, same and different.', min: 10, default: 600 }),
  },
  lfw: {
    file: option.text({ help: "Pair list in LFW's format; everybody named in it is kept out of training." }),
    dir: option.text({ help: 'Folder with one folder of images for each person.', absent: "the training data's" }),
  },
  'held-out': {
    people: option.integer({
      help: 'Identities of the training data, with two images or more, that are kept out of it; at most a tenth of them.',
      ...{ min: 2, default: 300 },
    }),
    count: option.integer({
      help: 'Pairs of each kind, same and different; at most half of those that their images make.',
      ...{ min: 10, default: 600 },
    }),
  },
  'other-images': {
    trained: option.integer({
      help: 'Images of each identity that are trained on; the others are tested.',
      ...{ min: 2, absent: 'two thirds of them' },
    }),
    people: option.integer({ help: 'Identities that are tested, at most.', min: 2, default: 100 }),
    count: option.integer({
      help: 'Pairs of each kind, same and different; at most half of those that their images make.',
      ...{ min: 10, default: 600 },
    }),
  },
  bin: {
    file: option.text({
      help: 'Verification set of InsightFace, such as lfw.bin. It names nobody: none of its people may be in the training data.',
    }),
  },
});

const loss = kinds(
  'name',
  {
    ...withEach(optionsOfEach(losses), {
      interClassFilter: option.number({
        help: 'Other classes with a higher cosine leave the softmax.',
        ...{ min: -1, max: 1, absent: 'none leave' },
      }),
    }),
    own,
  },
  'cos-face',
);

/** What the program gives to each head. */
const headGiven = ['identities', 'dimension', 'seed', 'loss', 'keyEncoder', 'galleryEncoder'] as const;

/** Columns of the softmax. A baseline takes over the size of the memory that it is compared with. */
const size = planned(
  option.integer({ help: 'Columns of the softmax.', min: 1, default: 1000 }),
  'by identities, steps and the memory at hand',
);

const batchShare = planned(
  option.number({
    help: "Share that a softmax over the batch's own classes has of the loss. Baselines have none.",
    ...{ min: 0, max: 1, default: 0 },
  }),
  'a half beside a Prototype Memory',
);
/** Of every head but that softmax itself. */
const withLoss = { loss, batchShare };

const head = kinds(
  'kind',
  {
    'prototype-memory': {
      ...fieldsOf(createPrototypeMemory.options, {
        without: ['dimension', 'seed', 'observedSamples', 'guardPairs', 'collective'],
      }),
      size,
      ...withLoss,
      momentum: option.number({
        help: 'Share of its parameters that a momentum encoder keeps in a step, which then makes the prototypes; costs a second forward pass.',
        ...{ min: 0, max: 1, absent: 'the trained encoder makes them' },
      }),
      reencode: section(fieldsOf(reencodeOptions)),
    },
    'full-softmax': { ...fieldsOf(baselines['full-softmax'].options, { without: headGiven }), ...withLoss },
    // The optimizer's momentum and weight decay hold for the rows of Partial FC too.
    'partial-fc': { size, ...withLoss, sharded: baselines['partial-fc'].options.sharded },
    dcq: { ...fieldsOf(baselines.dcq.options, { without: headGiven }), size, ...withLoss },
    'dynamic-class-pool': {
      ...fieldsOf(baselines['dynamic-class-pool'].options, { without: headGiven }),
      size,
      ...withLoss,
    },
    'semi-siamese': { ...fieldsOf(baselines['semi-siamese'].options, { without: headGiven }), size, ...withLoss },
    'batch-only': { loss },
    own,
  },
  'prototype-memory',
);

/** What all orders of classes take, and what the program gives to each. */
const { fewImages, ...everyClass } = samplers['every-class'].options;
const classes = planned(everyClass.classes, 'as many as make batches of 128 images');
const images = planned(everyClass.images, 'by how many images an identity has');
const orderGiven = Object.keys(
  samplers['every-class'].options,
) as (keyof (typeof samplers)['every-class']['options'])[];

const groups = {
  ...samplers.groups.options,
  rounds: planned(samplers.groups.options.rounds, 'by identities and steps'),
};
type OrderOptions = { readonly [K in Exclude<SamplerName, 'groups'>]: (typeof samplers)[K]['options'] } & {
  readonly groups: typeof groups;
};

/** Look-alikes in a batch; the share of the others differs, as clusters grow from few. */
const lookAlikes = (randomShare: number) => ({
  randomShare: option.number({
    help: "Share of a batch's classes that come in the order; the others are look-alikes.",
    ...{ ...share, default: randomShare },
  }),
  doppelgangers: createMiner.options.doppelgangers,
});

const sampler = section({
  classes,
  images,
  fewImages,
  order: kinds(
    'kind',
    Object.fromEntries(
      Object.entries({ ...samplers, groups: { options: groups } }).map(([kind, { options }]) => [
        kind,
        fieldsOf(options, { without: orderGiven }),
      ]),
    ) as { readonly [K in SamplerName]: Omit<OrderOptions[K], (typeof orderGiven)[number]> },
    'every-class',
  ),
  companions: kinds(
    'kind',
    { none: {}, doppelgangers: lookAlikes(0.5), 'multi-doppelgangers': lookAlikes(0.25) } satisfies Readonly<
      Record<CompanionRule | 'none', object>
    >,
    'none',
  ),
  imageChoice: kinds(
    'kind',
    {
      random: {},
      hard: {
        share: option.number({
          help: 'Share of the images of a class that are those seen nearest to another class; the others come as they would.',
          ...{ ...share, default: 0.5 },
        }),
        images: option.integer({ help: 'Images remembered for each class in memory.', min: 1, max: 1024, default: 4 }),
      },
    },
    'random',
  ),
  // What the head tells of look-alikes, for companions and hard images.
  mining: section({
    ...fieldsOf(createMiner.options, {
      without: ['rows', 'doppelgangers', 'suspects', 'companions', 'images'],
      standards: { expireAfter: 200 },
    }),
    observedSamples: option.integer({
      help: 'Samples of each batch whose nearest other class is noted.',
      ...{ min: 1, default: 32 },
    }),
  }),
});

/** Each schedule with a run's own rate and warm-up, which is in steps for all of them. */
const { warmup, ...constant } = fieldsOf(schedules.constant.options, { standards: { base: 0.1 } });
const rate = { ...constant, warmup: planned(warmup, 'a tenth of the steps') };
const scheduleFields = Object.fromEntries(
  Object.entries(schedules).map(([name, { options }]) => {
    const { steps: _, rise: __, ...own } = options as Options;
    return [name, { ...own, ...rate }];
  }),
) as {
  readonly [K in ScheduleName]: Omit<(typeof schedules)[K]['options'], 'steps' | 'rise' | keyof typeof rate> &
    typeof rate;
};

/** All that a run is made from; every option with its meaning, values and default. */
export const runSchema = section({
  recipe: option.text({ help: 'What the run is called.', default: 'run' }),
  seed: option.integer({ help: 'Seed of everything random: weights, batches, augmentation.', min: 0, default: 0 }),
  steps: planned(
    option.integer({ help: 'Optimizer steps in all.', min: 1, default: 1000 }),
    'ten passes over the images, at most 10,000',
  ),
  epochs: option.number({
    help: 'Passes over the data in place of `steps`, of which warm-up and evaluations keep their share.',
    ...{ min: Number.MIN_VALUE, absent: 'steps' },
  }),
  engine: section({
    ...fieldsOf(loadEngine.options, { without: ['cluster'] }),
    threads: option.integer({
      help: 'Threads that one operation of the engine is shared among; 0: one for each core.',
      min: 0,
      default: 0,
    }),
  }),
  data,
  augmentation: section(fieldsOf(createAugmentation.options)),
  sampler,
  loader: section(
    fieldsOf(createLoader.options, {
      without: ['source', 'sampler', 'height', 'width', 'augmentation', 'onSkip', 'maxMissing'],
    }),
  ),
  encoder: kinds(
    'name',
    {
      ...(Object.fromEntries(
        (Object.keys(encoders) as EncoderName[]).map((name) => [name, encoderFields(name)]),
      ) as EncoderFields),
      own: {
        ...own,
        inputSize: option.integer({ help: 'Side of the square input image, pixels.', min: 1 }),
        embeddingSize: option.integer({ help: 'Width of an embedding.', min: 1 }),
        init,
      },
    },
    'iresnet18',
  ),
  head,
  distillation: section({
    teacher: option.text({
      help: 'A run, or an `encoder.safetensors`, whose embeddings are imitated beside what each head learns.',
      absent: 'nobody is imitated',
    }),
    ...fieldsOf(distilled.options, { without: ['head', 'teacher'] }),
  }),
  baselines: option.choices(Object.keys(baselines) as BaselineName[], {
    help: 'Heads to train after the first, with the same code, data and budget, for the report to compare.',
    default: [],
  }),
  optimizer: kinds(
    'kind',
    withEach(optionsOfEach(optimizers), {
      clipNorm: option.number({ help: 'Largest norm of the gradient.', min: Number.MIN_VALUE, default: 5 }),
      maxWeightNorm: createTrainer.options.maxWeightNorm,
      encoderBatch: option.integer({
        help: 'Images that go through the encoder at once, for batches that do not fit.',
        ...{ min: 2, absent: 'the whole batch' },
      }),
      synchronizeNorms: createTrainer.options.synchronizeNorms,
      compressGradients: createTrainer.options.compressGradients,
    }),
    'sgd',
  ),
  schedule: kinds('kind', scheduleFields, 'one-cycle'),
  evaluation: section({
    every: planned(
      option.integer({ help: 'Evaluate every so many steps; 0: only at the end.', min: 0, default: 0 }),
      'a fifth of the steps',
    ),
    batch: option.integer({ help: 'Test images that go through the encoder at a time.', min: 1, default: 64 }),
    pairs,
    allowUnmatched: option.flag({
      help: 'Train though nobody of the pair list is found in the training data, so that nobody is left out.',
      default: false,
    }),
  }),
  plan: section({
    memory: option.integer({
      help: 'MiB that the memory may take where null leaves head.size to the plan.',
      ...{ min: 1, absent: 'an eighth of what is free' },
    }),
  }),
  checkpoint: section({
    every: option.integer({ help: 'Steps from one checkpoint to the next.', min: 1, default: 100 }),
    keep: option.integer({
      help: 'Checkpoints that are kept, the newest; older ones are removed.',
      min: 1,
      default: 2,
    }),
  }),
  log: section({ tensorboard: option.flag({ help: 'Write events for TensorBoard.', default: true }) }),
});

/** A run as it is asked for: plain JSON. Null stands for an option that is left out or, of some, to the plan. */
export type RunDraft = ValueOf<typeof runSchema>;

/** With numbers where these keys leave them to the plan. */
type Numbered<T, K extends string> = T extends readonly unknown[] | ((...given: never[]) => unknown)
  ? T
  : T extends object
    ? { readonly [P in keyof T]: P extends K ? Exclude<T[P], null> : Numbered<T[P], K> }
    : T;

/** A whole run, resolved: plain JSON, saved beside the results as `config.json`. */
export type RunConfig = Numbered<
  RunDraft,
  'steps' | 'size' | 'batchShare' | 'classes' | 'images' | 'rounds' | 'warmup' | 'every'
>;

/** Adds fields to each kind of a part. */
function withEach<M extends Readonly<Record<string, object>>, F extends object>(
  members: M,
  fields: F,
): { readonly [K in keyof M]: M[K] & F } {
  return Object.fromEntries(Object.entries(members).map(([kind, each]) => [kind, { ...each, ...fields }])) as {
    readonly [K in keyof M]: M[K] & F;
  };
}
