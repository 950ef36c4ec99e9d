import { createBaseline } from '@protomem/baselines';
import { check, type ImageSource, type Loader, type Sampler, type State } from '@protomem/core';
import type { CosineLoss, Encoder, Head } from '@protomem/core/contracts';
import { readSafetensors } from '@protomem/core/node';
import { createAugmentation, createLoader, createSampler, openDataset, share } from '@protomem/data';
import { createEncoder, forFineTuning, loadEncoder, restoreEncoder } from '@protomem/encoders';
import type { Collective } from '@protomem/engine';
import { distilled, mixed } from '@protomem/heads';
import { createLoss, interClassFilter, subCenter } from '@protomem/losses';
import { createPrototypeMemory, type PrototypeMemory, prototypeHead } from '@protomem/memory';
import { createMiner, type DoppelgangerMiner } from '@protomem/mining';
import { syntheticFaces } from '@protomem/synthetic';
import {
  createOptimizer,
  createSchedule,
  type Optimizer,
  type OptimizerOptions,
  optimizers,
  type Schedule,
} from '@protomem/training';
import { asksMiner, checkTogether, hardImagesOf } from './check-together.ts';
import { leaveOutTested } from './leave-out-tested.ts';
import { type OwnParts, ownPart } from './own-parts.ts';
import { encoderFile } from './run-folder.ts';
import type { RunConfig, RunDraft } from './run-schema.ts';
import { given } from './schema.ts';

/** From a configuration to parts: the only place that knows all packages. */

/** All the data of a run, of which some people may be tested on. */
export async function openData({ data, encoder }: RunDraft, parts: OwnParts = {}): Promise<ImageSource> {
  if (data.kind === 'synthetic') {
    const { kind: _, ...options } = data;
    return syntheticFaces({ ...options, size: encoder.inputSize });
  }
  if (data.kind === 'dataset') {
    const { kind: _, path, minImages: __, maxMissing: ___, columns, ...opening } = data;
    return openDataset(path, { ...given(opening), columns: someOf(given(columns)) });
  }
  const own = ownPart(parts, 'source', data.own);
  return typeof own === 'function' ? own() : own;
}

/**
 * What of the data is trained on.
 *
 * @param note told in a sentence how many of those who are tested were found, and left out
 */
export async function trainedOn(
  draft: RunDraft,
  all: ImageSource,
  note: (sentence: string) => void,
): Promise<ImageSource> {
  // Synthetic people who are tested are others by their number.
  const apart = draft.data.kind === 'synthetic' && !['held-out', 'other-images'].includes(draft.evaluation.pairs.kind);
  return apart ? all : leaveOutTested(draft, all, note);
}

/** Options, where any is given. */
const someOf = <T extends object>(options: T): T | undefined => (Object.keys(options).length > 0 ? options : undefined);

/**
 * @param miner whom the sampler asks for companions and images
 * @param ranks of which the loader gives this one's rows of each batch
 */
export function makeLoader(
  config: RunConfig,
  source: ImageSource,
  miner: Mined | undefined,
  { rank, size }: Pick<Collective, 'rank' | 'size'>,
): Loader {
  const { augmentation, data, encoder, loader } = config;
  const sampler = makeSampler(config, source, miner);
  return createLoader({
    source,
    sampler: size > 1 ? share(sampler, { rank, world: size }) : sampler,
    height: encoder.inputSize,
    width: encoder.inputSize,
    augmentation: createAugmentation(augmentation),
    ...given(loader),
    ...('maxMissing' in data && { maxMissing: data.maxMissing }),
  });
}

type Mined = Pick<DoppelgangerMiner, 'minedClasses' | 'minedImages'>;

export function makeSampler({ sampler, seed }: RunConfig, source: ImageSource, miner?: Mined): Sampler {
  const { order, companions, classes, images, fewImages } = sampler;
  const { kind, ...options } = given(order);
  const randomClasses =
    companions.kind === 'none' ? undefined : Math.max(1, Math.round(companions.randomShare * classes));
  return createSampler(kind, {
    ...options,
    ...{ source, seed, classes, images, fewImages, randomClasses },
    hardImages: hardImagesOf(sampler),
    minedClasses: miner?.minedClasses,
    minedImages: miner?.minedImages,
  });
}

/** A miner with a row for each slot of the memory, where the sampler asks for one. */
export function makeMiner({ sampler, head }: RunConfig, identities: number): DoppelgangerMiner | undefined {
  if (!asksMiner(sampler)) return undefined;
  const { companions, imageChoice, mining } = sampler;
  const { observedSamples: _, ...options } = given(mining);
  return createMiner({
    ...options,
    rows: 'size' in head ? head.size : identities,
    images: imageChoice.kind === 'hard' ? imageChoice.images : 0,
    ...(companions.kind !== 'none' && { companions: companions.kind, doppelgangers: companions.doppelgangers }),
  });
}

/** @param initial weights of the file that the configuration names; see {@link readInitial} */
export function makeEncoder({ encoder, seed }: RunConfig, parts: OwnParts = {}, initial?: State): Encoder {
  const made = encoder.name === 'own' ? ownEncoder(encoder, parts, seed) : builtIn(encoder, seed);
  if (initial) restoreEncoder(made, initial, `encoder.init, ${encoder.init}`);
  return made;
}

function ownEncoder(config: Extract<RunConfig['encoder'], { readonly name: 'own' }>, parts: OwnParts, seed: number) {
  const made = ownPart(parts, 'encoder', config.own)({ seed });
  const { embeddingSize } = made.card;
  check(embeddingSize === config.embeddingSize, () => ({
    where: `the encoder "${config.own}"`,
    what: 'encoder.embeddingSize',
    got: config.embeddingSize,
    expected: `${embeddingSize}, as the encoder's card has it`,
  }));
  return made;
}

function builtIn(encoder: Exclude<RunConfig['encoder'], { readonly name: 'own' }>, seed: number): Encoder {
  const { name, init: _, freeze, freezeDepth, firstLayerRate, ...options } = encoder;
  const made = createEncoder(name, { ...given(options), seed });
  return forFineTuning({ encoder: made, freeze, freezeDepth, firstLayerRate });
}

/** The weights that a run starts from, where its configuration names some. */
export async function readInitial({ encoder }: RunConfig): Promise<State | undefined> {
  if (encoder.init === null) return undefined;
  const { tensors } = await readSafetensors(encoderFile(encoder.init));
  return { values: {}, tensors };
}

/** The encoder that is imitated, where the configuration names one. */
export async function readTeacher({ distillation, encoder }: RunConfig): Promise<Encoder | undefined> {
  if (distillation.teacher === null) return undefined;
  const teacher = await loadEncoder(encoderFile(distillation.teacher));
  const { embeddingSize } = teacher.card;
  check(encoder.embeddingSize === embeddingSize, () => ({
    where: `distillation.teacher, ${distillation.teacher}`,
    what: 'encoder.embeddingSize',
    got: encoder.embeddingSize,
    expected: `${embeddingSize}, the width of the teacher's embeddings`,
  }));
  return teacher;
}

/** A head, and the memory inside it when it has one. */
export interface MadeHead {
  readonly head: Head;
  readonly memory?: PrototypeMemory;
}

/** @param teacher whom the configuration names, taken over; see {@link readTeacher} */
export function makeHead(
  config: RunConfig,
  identities: number,
  parts: OwnParts = {},
  { initial, teacher }: { readonly initial?: State; readonly teacher?: Encoder } = {},
): MadeHead {
  const { head, memory } = besideBatch(config, parts, headAlone(config, identities, parts, initial));
  if (!teacher) return { head, memory };
  return { head: distilled({ head, teacher, weight: config.distillation.weight }), memory };
}

/** With the share of the loss that a softmax over the batch has. */
function besideBatch({ head, encoder }: RunConfig, parts: OwnParts, made: MadeHead): MadeHead {
  if (!('batchShare' in head) || head.batchShare === 0) return made;
  const loss = makeLoss(head.loss, parts);
  check(head.loss.name !== 'own' || loss.state === undefined, () => ({
    where: 'train',
    what: 'head.batchShare with a loss of your own that has a state',
    got: head.batchShare,
    expected: '0: two heads would share its state',
  }));
  const beside = createBaseline('batch-only', { dimension: encoder.embeddingSize, loss });
  return { ...made, head: mixed({ head: made.head, beside, share: head.batchShare }) };
}

function headAlone(config: RunConfig, identities: number, parts: OwnParts, initial?: State): MadeHead {
  const { encoder, head, sampler, seed } = config;
  const dimension = encoder.embeddingSize;
  if (head.kind === 'own') return { head: ownPart(parts, 'head', head.own)({ identities, dimension, seed }) };
  const loss = makeLoss(head.loss, parts);
  if (head.kind === 'prototype-memory') {
    const { kind: _, loss: __, reencode: ___, batchShare: ____, momentum, ...options } = given(head);
    // A miner lives on what the head sees; for metrics alone a few samples are enough.
    const observedSamples = asksMiner(sampler) ? sampler.mining.observedSamples : undefined;
    const memory = createPrototypeMemory({ ...options, observedSamples, dimension, seed });
    const exemplarEncoder = head.momentum === null ? undefined : makeMomentumEncoder(config, parts, initial);
    return { head: prototypeHead({ memory, loss, exemplarEncoder, momentum }), memory };
  }
  return { head: makeBaseline(config, head, identities, { dimension, loss }, parts, initial) };
}

/** As the trained encoder, from the same start; what training drops would only blur what it makes. */
function makeMomentumEncoder(config: RunConfig, parts: OwnParts, initial: State | undefined): Encoder {
  const { encoder } = config;
  const still = Object.fromEntries(['dropout', 'dropPath'].filter((one) => one in encoder).map((one) => [one, 0]));
  return makeEncoder({ ...config, encoder: { ...encoder, ...still } }, parts, initial);
}

type WithLoss = Extract<RunConfig['head'], { readonly loss: unknown }>;

function makeLoss(loss: WithLoss['loss'], parts: OwnParts): CosineLoss {
  if (loss.name === 'own') return ownPart(parts, 'loss', loss.own);
  const { name, interClassFilter: threshold, ...options } = loss;
  const made = createLoss(name, given(options) as never) as CosineLoss;
  return threshold === null ? made : interClassFilter(made as never, { threshold });
}

function makeBaseline(
  config: RunConfig,
  head: Exclude<WithLoss, { kind: 'prototype-memory' }>,
  identities: number,
  shared: { readonly dimension: number; readonly loss: CosineLoss },
  parts: OwnParts,
  initial: State | undefined,
): Head {
  const { seed, optimizer } = config;
  switch (head.kind) {
    case 'full-softmax': {
      const { centers } = head;
      const loss = centers > 1 ? subCenter(shared.loss, { centers }) : shared.loss;
      return createBaseline(head.kind, { ...shared, loss, centers, identities, seed });
    }
    case 'partial-fc': {
      const columns = Math.min(head.size, identities);
      const { weightDecay } = optimizer;
      const momentum = 'momentum' in optimizer ? optimizer.momentum : undefined;
      const { sharded } = head;
      return createBaseline(head.kind, { ...shared, columns, identities, momentum, weightDecay, seed, sharded });
    }
    case 'batch-only':
      return createBaseline(head.kind, shared);
    default: {
      const { kind, loss: _, batchShare: __, ...options } = head;
      const queue = { ...shared, ...options };
      if (kind === 'dcq')
        return createBaseline(kind, { ...queue, keyEncoder: makeMomentumEncoder(config, parts, initial) });
      return createBaseline(kind, { ...queue, galleryEncoder: makeMomentumEncoder(config, parts, initial) });
    }
  }
}

export function makeOptimizer({ optimizer }: RunConfig): Optimizer {
  const own = optimizers[optimizer.kind].options;
  const options = Object.fromEntries(Object.entries(optimizer).filter(([key]) => key in own));
  return createOptimizer(optimizer.kind, options as OptimizerOptions<typeof optimizer.kind>);
}

export function makeSchedule({ schedule, steps }: RunConfig): Schedule {
  const { kind, ...options } = schedule;
  return createSchedule(kind, { ...options, steps } as never);
}

/**
 * A configuration that counts in passes over the data, in steps: warm-up, milestones and evaluations are scaled from its `steps` to
 * as many as the passes are. Where `steps` is null, those that are said stay.
 *
 * @param draft what `config` was before it was filled in
 */
export function inSteps(config: RunConfig, draft: RunDraft, batchesPerEpoch: number): RunConfig {
  const { epochs, schedule, evaluation } = config;
  if (epochs === null) return config;
  const steps = Math.max(1, Math.ceil(epochs * batchesPerEpoch));
  const scaled = (count: number): number => Math.round((count / config.steps) * steps);
  const said = (value: number | null): boolean => draft.steps === null && value !== null;
  const milestones =
    'milestones' in schedule ? schedule.milestones.map((at) => (draft.steps === null ? at : scaled(at))) : [];
  check(
    milestones.every((at, i) => at > (milestones[i - 1] ?? 0)),
    () => ({
      where: 'epochs',
      what: `schedule.milestones in ${steps} steps`,
      got: milestones,
      expected: 'rising integers >= 1, which they are by their share of a longer run',
      fix: 'Take more epochs, or milestones that are further apart.',
    }),
  );
  const counted = {
    ...config,
    steps,
    epochs: null,
    schedule: {
      ...schedule,
      warmup: said(draft.schedule.warmup) ? schedule.warmup : Math.min(scaled(schedule.warmup), steps - 1),
      ...('milestones' in schedule && { milestones }),
    },
    evaluation: {
      ...evaluation,
      every: said(draft.evaluation.every)
        ? evaluation.every
        : evaluation.every && Math.max(1, scaled(evaluation.every)),
    },
  };
  checkTogether(`${epochs} epochs`, counted);
  return counted;
}
