import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ProtomemError } from '@protomem/core';
import type { RunConfig } from '../config.ts';
import type { RecipeInputs } from './index.ts';

/** LFW View 1: trained on everybody who is not in the DevTest pairs, tested on those pairs. */
export function lfw({ data }: RecipeInputs): RunConfig {
  if (data === undefined) {
    throw new ProtomemError({
      where: 'train lfw',
      what: '--data',
      got: 'missing',
      expected: 'aligned face images, such as a folder with one folder of LFW aligned to 112x112 for each identity',
      fix: 'Pass --data PATH.',
    });
  }
  // About thirteen passes over LFW's 6,968 images of people with at least two, 128 at a time. More augmentation than a
  // mirror, a pixel of shift and a little light costs accuracy in so few.
  const steps = 740;
  return {
    recipe: 'lfw',
    seed: 0,
    steps,
    engine: { prefer: 'auto', threads: 0, precision: 'float32' },
    data: { kind: 'dataset', path: data, minImages: 2 },
    augmentation: {
      flip: 0.5,
      crop: 0,
      shift: 0.02,
      zoom: 0,
      rotate: 0,
      brightness: 0.1,
      contrast: 0.1,
      saturation: 0,
      greyscale: 0,
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
      kind: 'every-image',
      classes: 64,
      images: 2,
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
    loader: { workers: 1, prefetch: 4, cacheBytes: 256 * 2 ** 20 },
    encoder: { name: 'iresnet18', inputSize: 64, embeddingSize: 128, width: 0.5, dropout: 0.4, recompute: null },
    head: {
      kind: 'prototype-memory',
      size: 1262,
      generation: 'mean',
      ownExample: 'leave-one-out',
      gradient: 'stop',
      refresh: 'blend',
      refreshRatio: 0.3,
      renewAge: true,
      eviction: 'oldest',
      enter: 'before',
      prototypeRate: 0,
      driftCompensation: 0,
      storage: 'float32',
      hardest: null,
      loss: { name: 'cosFace', scale: 30, margin: 0.25 },
    },
    rivals: ['full-softmax'],
    optimizer: { momentum: 0.9, weightDecay: 5e-4, clipNorm: 5, encoderBatch: null },
    schedule: { kind: 'one-cycle', base: 0.1, warmup: Math.round(0.1 * steps) },
    evaluation: { every: Math.ceil(steps / 5), batch: 128, pairs: { kind: 'lfw', file: findPairs(data), dir: null } },
    checkpoint: { every: 100, keep: 2 },
    log: { tensorboard: true },
  };
}

/** The View 1 test pairs, where people keep them: in the folder of images, beside it, or in `protocols` beside it. */
function findPairs(data: string): string {
  const places = [data, join(data, '..'), join(data, '..', 'protocols')];
  const names = ['pairsDevTest.txt', 'lfw_pairsDevTest.txt'];
  const candidates = places.flatMap((place) => names.map((name) => join(place, name)));
  // Named in the configuration even when absent: `--set evaluation.pairs.file=PATH` comes after the recipe.
  return candidates.find((path) => existsSync(path)) ?? candidates[0]!;
}
