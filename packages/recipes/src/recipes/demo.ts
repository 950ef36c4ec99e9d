import { ProtomemError } from '@protomem/core';
import type { RunConfig } from '../config.ts';
import type { RecipeInputs } from './index.ts';

/** Synthetic faces: trains from nothing to verification of people never seen, in a few minutes on two cores. */
export function demo({ data }: RecipeInputs): RunConfig {
  if (data !== undefined) {
    throw new ProtomemError({
      where: 'train demo',
      what: '--data',
      got: data,
      expected: 'nothing: the demo draws its own faces',
      fix: 'Use the recipe lfw for a folder of identities.',
    });
  }
  const steps = 300;
  return {
    recipe: 'demo',
    seed: 0,
    steps,
    engine: { prefer: 'auto', threads: 0, precision: 'float32' },
    data: { kind: 'synthetic', identities: 100_000, imagesPerIdentity: 16, variation: 1, seed: 0 },
    augmentation: {
      flip: 0.5,
      crop: 0,
      shift: 0.04,
      zoom: 0.05,
      rotate: 5,
      brightness: 0.2,
      contrast: 0.2,
      saturation: 0.2,
      greyscale: 0.05,
      blur: 0,
      blurSigma: 1.5,
      downscale: 0,
      downscaleFactor: 0.25,
      jpeg: 0,
      jpegQuality: 30,
      cutout: 0,
      cutoutSize: 0.35,
    },
    sampler: {
      kind: 'groups',
      classes: 16,
      images: 4,
      few: 'repeat',
      groupSize: null,
      rounds: 4,
      power: 0.5,
      randomShare: 0.5,
      rivals: 4,
      patience: 200,
      observed: 32,
      duplicateAbove: 0.7,
      refresh: 8,
    },
    loader: { workers: 1, prefetch: 4, cacheBytes: 0 },
    encoder: { name: 'iresnet18', inputSize: 48, embeddingSize: 128, width: 0.25, dropout: 0, recompute: null },
    head: {
      kind: 'prototype-memory',
      size: 512,
      generation: 'mean',
      ownExample: 'leave-one-out',
      gradient: 'stop',
      refresh: 'blend',
      refreshRatio: 0.5,
      renewAge: true,
      eviction: 'oldest',
      enter: 'before',
      prototypeRate: 0,
      driftCompensation: 0,
      storage: 'float32',
      hardest: null,
      loss: { name: 'cosFace', scale: 30, margin: 0.35 },
    },
    rivals: [],
    optimizer: { momentum: 0.9, weightDecay: 5e-4, clipNorm: 5, encoderBatch: null },
    schedule: { kind: 'one-cycle', base: 0.1, warmup: Math.round(0.1 * steps) },
    evaluation: {
      every: 100,
      batch: 64,
      pairs: { kind: 'synthetic', identities: 300, imagesPerIdentity: 4, count: 600 },
    },
    checkpoint: { every: 100, keep: 2 },
    log: { tensorboard: true },
  };
}
