import { Random } from '@protomem/core';
import { verificationReport } from '@protomem/evaluation';
import type { ReportData, ReportHead, ReportImage, ReportPair } from './report-data.ts';

/**
 * A made-up run for tests and for looking at the page; no figure in it was measured.
 *
 * @param face gives the bytes of some image; the same for the same index.
 */
export function madeUpRun(heads: number, face: (index: number) => Uint8Array): ReportData {
  const image = (index: number): ReportImage => ({
    name: `Person_${index % 40}/Person_${index % 40}_000${index % 7}.jpg`,
    bytes: face(index),
  });
  return {
    title: 'Prototype Memory on made-up faces',
    summary:
      'MobileFaceNet trained with CosFace for 2,400 steps on 4,786 people, tested on 963 whom it has never seen.',
    finishedAt: '2026-11-23T21:53:00.000Z',
    seconds: 1432,
    seed: 7,
    protocol: 'View 1 DevTest, trained on the rest',
    engine: {
      engine: 'node',
      backend: 'tensorflow',
      device: 'CPU',
      version: '2.21.0',
      threads: 2,
      precision: 'float32',
      rejected: [{ engine: 'node-gpu', reason: '@tensorflow/tfjs-node-gpu is not installed' }],
    },
    machine: { CPU: 'Some Processor 3.0 GHz', Cores: 2, Memory: '24 GiB', System: 'Linux 6.1', 'Node.js': 'v20.20.2' },
    dataset: { Source: 'folder faces/', Identities: 4786, Images: 10492, 'Test identities': 963, 'Test pairs': 1000 },
    heads: Array.from({ length: heads }, (_, i) => madeUpHead(i, image)),
    faces: Array.from({ length: 6 }, (_, row) => ({
      identity: `Person ${row}`,
      images: Array.from({ length: 4 + (row % 5) }, (_, i) => image(row * 8 + i)),
    })),
    config: {
      seed: 7,
      encoder: { name: 'mobilefacenet', width: 0.5, inputSize: [64, 64] },
      memory: { size: 4096, refresh: 0.2, own: 'leave-one-out' },
      loss: { name: 'cosFace', margin: 0.35, scale: 32 },
      optimizer: { name: 'sgd', momentum: 0.9, weightDecay: 5e-4 },
    },
    skipped: [{ name: 'faces/Person_9/Person_9_0003.jpg', reason: 'VipsJpeg: premature end of JPEG image' }],
  };
}

function madeUpHead(index: number, image: (index: number) => ReportImage): ReportHead {
  const random = new Random(11, index);
  const steps = 2400;
  const quality = 0.42 - 0.03 * index;
  const labels = Array.from({ length: 1000 }, (_, i) => i < 500);
  const scores = labels.map((same) =>
    Math.max(-1, Math.min(1, same ? random.normal(quality, 0.17) : random.normal(0.02, 0.12))),
  );
  const pairs = (first: number, score: (i: number) => number): ReportPair[] =>
    Array.from({ length: 8 }, (_, i) => ({
      first: image(first + 2 * i),
      second: image(first + 2 * i + 1),
      score: score(i),
    }));
  return {
    name: ['Prototype Memory', 'Full softmax', 'Class pool', 'Queue'][index]!,
    description: ['4,096 slots, CosFace', '4,786 columns, CosFace'][index],
    seconds: 640 + 40 * index,
    imagesPerSecond: 482 - 25 * index,
    steps: Array.from({ length: steps / 4 }, (_, i) => {
      const step = 4 * i + 4;
      const done = step / steps;
      return {
        step,
        loss: (14 - index) * Math.exp(-2.4 * done) + 2 + random.normal(0, 0.35),
        learningRate: 0.1 * Math.min(1, step / 200) * 0.5 * (1 + Math.cos(Math.PI * done)),
        imagesPerSecond: random.normal(482 - 25 * index, 14) - (step < 40 ? 200 : 0),
        dataWait: Math.max(0, random.normal(0.06, 0.02)),
        ...(index === 0 && { hitRate: Math.min(1, 0.85 * Math.min(1, done * 3) + random.normal(0.05, 0.03)) }),
        ...(index === 0 && { occupancy: Math.min(1, done * 4) }),
      };
    }),
    evaluations: Array.from({ length: 8 }, (_, i) => ({
      step: 300 * (i + 1),
      accuracy: 0.89 - 0.008 * index - 0.3 * Math.exp(-0.6 * (i + 1)) + random.normal(0, 0.004),
      standardError: 0.01,
    })),
    verification: verificationReport(scores, labels, { split: 'interleaved' }),
    falseMatches: pairs(50 + 100 * index, (i) => 0.52 - 0.014 * i),
    falseNonMatches: pairs(80 + 100 * index, (i) => -0.08 + 0.016 * i),
    ...(index === 0 && {
      memory: {
        slots: 4096,
        used: 4096,
        hitRate: 0.87,
        refreshed: 66_816,
        evicted: 5_890,
        ages: Int32Array.from({ length: 4096 }, () => Math.floor(150 * random.uniform() ** 1.4)),
        staleness: Array.from({ length: 12 }, (_, i) => {
          const meanCosine = 0.99 - 0.012 * i - 0.001 * i * i;
          return {
            from: i * 13,
            to: i * 13 + 12,
            count: 40 - 3 * i,
            meanCosine,
            low: meanCosine - 0.03 - 0.004 * i,
            high: Math.min(1, meanCosine + 0.02),
          };
        }),
      },
    }),
  };
}
