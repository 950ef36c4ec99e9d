// One contender of the suite `loader`: a sampler over N identities from nothing to its first batch.
import {
  type CountedSource,
  classesByImages,
  everyImage,
  groupIterateAndShuffle,
  weightedClasses,
} from '@protomem/data';
import { serve } from '../serve.ts';

const [name, identitiesText] = process.argv.slice(2) as [keyof typeof samplers, string];
const source: CountedSource = {
  name: 'nobody',
  identities: Number(identitiesText),
  imagesPerIdentity: 20,
  imagesOf: () => 20,
};
const samplers = {
  classesByImages: (seed: number) => classesByImages({ source, classes: 64, images: 4, seed }),
  groupIterateAndShuffle: (seed: number) =>
    groupIterateAndShuffle({ source, classes: 64, images: 4, groupSize: 8192, seed }),
  everyImage: (seed: number) => everyImage({ source, classes: 256, seed }),
  weightedClasses: (seed: number) => weightedClasses({ source, classes: 64, images: 4, seed }),
};
const before = process.memoryUsage();
const begun = performance.now();
const first = samplers[name](0);
first.next();
// Unlike the later ones, this one is not compiled yet: what somebody waits for who starts a run.
const cold = performance.now() - begun;
const after = process.memoryUsage();
let [seed, resumeMs] = [0, 0];

await serve(
  { engine: 'protomem', version: process.version },
  () => {
    const start = performance.now();
    const sampler = samplers[name](++seed);
    sampler.next();
    const ms = performance.now() - start;
    const state = sampler.state();
    const again = samplers[name](seed);
    const resumed = performance.now();
    again.restore(state as never);
    again.next();
    resumeMs = performance.now() - resumed;
    return ms;
  },
  () => ({
    coldMs: cold,
    resumeMs,
    heldKiB: (after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers) / 1024,
  }),
);
