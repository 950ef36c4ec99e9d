import { createBaseline } from '@protomem/baselines';
import type { ImageSource, Loader, MinedClasses, Sampler } from '@protomem/core';
import type { CosineLoss, Encoder, Head } from '@protomem/core/contracts';
import {
  classesByImages,
  createAugmentation,
  createLoader,
  everyImage,
  groupIterateAndShuffle,
  openDataset,
  plannedClasses,
  readLfwPairs,
  selectIdentities,
  syntheticFaces,
  weightedClasses,
} from '@protomem/data';
import { createEncoder } from '@protomem/encoders';
import { createLoss } from '@protomem/losses';
import { createPrototypeMemory, type PrototypeMemory, prototypeHead } from '@protomem/memory';
import { createMiner, type DoppelgangerMiner } from '@protomem/mining';
import { cosine, oneCycle, type Schedule } from '@protomem/training';
import type { RunConfig } from './config.ts';

/** From a configuration to parts: the only place that knows all packages. */

export async function makeSource(config: RunConfig): Promise<ImageSource> {
  const { data, encoder, evaluation } = config;
  if (data.kind === 'synthetic') {
    const { identities, imagesPerIdentity, variation, seed } = data;
    return syntheticFaces({ identities, imagesPerIdentity, variation, seed, size: encoder.inputSize });
  }
  const exclude = evaluation.pairs.kind === 'lfw' ? (await readLfwPairs(evaluation.pairs.file)).people : [];
  return selectIdentities(await openDataset(data.path), { minImages: data.minImages, exclude });
}

/** @param minedClasses of a miner, for the sampler that asks one */
export function makeLoader(config: RunConfig, source: ImageSource, minedClasses?: MinedClasses): Loader {
  const { augmentation, encoder, loader } = config;
  return createLoader({
    source,
    sampler: makeSampler(config, source, minedClasses),
    height: encoder.inputSize,
    width: encoder.inputSize,
    augmentation: createAugmentation(augmentation),
    ...loader,
  });
}

function makeSampler(
  { sampler, seed }: RunConfig,
  source: ImageSource,
  minedClasses: MinedClasses = () => [],
): Sampler {
  const { kind, classes, images, few, groupSize, rounds, power } = sampler;
  const options = { source, classes, images, few, seed };
  switch (kind) {
    case 'every-image':
      return everyImage(options);
    case 'classes-by-images':
      return classesByImages(options);
    case 'weighted':
      return weightedClasses({ ...options, power });
    case 'doppelgangers': {
      const randomClasses = Math.max(1, Math.round(sampler.randomShare * classes));
      return plannedClasses({ ...options, randomClasses, minedClasses });
    }
    case 'groups':
      return groupIterateAndShuffle({ ...options, groupSize: groupSize ?? source.identities, rounds });
  }
}

/** A miner with a row for each slot of the memory, where the sampler asks for one. */
export function makeMiner({ sampler, head }: RunConfig, identities: number): DoppelgangerMiner | undefined {
  if (sampler.kind !== 'doppelgangers') return undefined;
  const { rivals, patience, duplicateAbove, refresh } = sampler;
  return createMiner({
    rows: 'size' in head ? head.size : identities,
    rivals,
    patience: patience ?? Number.POSITIVE_INFINITY,
    duplicateAbove,
    lag: refresh,
  });
}

export function makeEncoder({ encoder: { name, recompute, ...options }, seed }: RunConfig): Encoder {
  return createEncoder(name === 'mobilefacenet' ? 'mobile-face-net' : name, {
    ...options,
    recompute: recompute ?? undefined,
    seed,
  });
}

/** A head, and the memory inside it when it has one. */
export interface MadeHead {
  readonly head: Head;
  readonly memory?: PrototypeMemory;
}

export function makeHead(config: RunConfig, identities: number): MadeHead {
  const { encoder, head, sampler, seed } = config;
  const { name, ...lossOptions } = head.loss;
  const loss: CosineLoss = createLoss(name, lossOptions as never);
  const dimension = encoder.embeddingSize;
  if (head.kind === 'prototype-memory') {
    const { kind: _, loss: __, hardest, ...options } = head;
    // A miner lives on what the head sees; for metrics alone a few samples are enough.
    const observeRivals = sampler.kind === 'doppelgangers' ? sampler.observed : undefined;
    const memory = createPrototypeMemory({ ...options, hardest: hardest ?? undefined, observeRivals, dimension, seed });
    return { head: prototypeHead({ memory, loss }), memory };
  }
  return { head: makeRival(config, head, { identities, dimension, loss }) };
}

function makeRival(
  config: RunConfig,
  head: Exclude<RunConfig['head'], { kind: 'prototype-memory' }>,
  shared: { readonly identities: number; readonly dimension: number; readonly loss: CosineLoss },
): Head {
  const { seed, optimizer } = config;
  // The trained encoder's double, from the same seed; dropout would only blur what it makes.
  const makeDouble = (): Encoder => makeEncoder({ ...config, encoder: { ...config.encoder, dropout: 0 } });
  switch (head.kind) {
    case 'full-softmax':
      return createBaseline(head.kind, { ...shared, seed });
    case 'partial-fc': {
      const columns = Math.min(head.size, shared.identities);
      const { momentum, weightDecay } = optimizer;
      return createBaseline(head.kind, { ...shared, columns, momentum, weightDecay, seed });
    }
    case 'dcq':
      return createBaseline(head.kind, {
        ...shared,
        size: head.size,
        momentum: head.momentum,
        keyEncoder: makeDouble(),
      });
    case 'dynamic-class-pool':
    case 'semi-siamese':
      return createBaseline(head.kind, {
        ...shared,
        size: head.size,
        momentum: head.momentum,
        galleryEncoder: makeDouble(),
      });
    case 'batch-only':
      return createBaseline(head.kind, shared);
  }
}

export function makeSchedule({ schedule: { kind, base, warmup }, steps }: RunConfig): Schedule {
  return kind === 'cosine' ? cosine({ base, warmup, steps }) : oneCycle({ max: base, steps, rise: warmup / steps });
}
