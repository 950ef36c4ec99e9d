import { loadEngine } from '@protomem/engine';
import { simulateCompanions } from '../simulate-companions.ts';
import type { Measured, Suite, SuiteRun } from '../suite.ts';

const variants: Readonly<Record<string, readonly string[]>> = {
  'groups, none': [],
  'groups, doppelgangers': ['sampler.companions=doppelgangers'],
  'groups, doppelgangers, hard images': ['sampler.companions=doppelgangers', 'sampler.imageChoice=hard'],
  'groups, multi-doppelgangers': ['sampler.companions=multi-doppelgangers'],
  'groups of 150, doppelgangers': ['sampler.companions=doppelgangers', 'sampler.order.groupSize=150'],
  'groups, doppelgangers, lag 8': ['sampler.companions=doppelgangers', 'sampler.mining.lag=8'],
  'every-class, doppelgangers': ['sampler.order=every-class', 'sampler.companions=doppelgangers'],
  'every-image, multi-doppelgangers': ['sampler.order=every-image', 'sampler.companions=multi-doppelgangers'],
};

/** Whether the places kept for look-alikes are filled, and with classes in memory, when identities are many more than slots. */
export const companions: Suite = {
  about: 'look-alikes in batches of 16 classes, 200 slots, drifting embeddings that are made up: nothing is trained',
  async run({ quick, say }: SuiteRun) {
    const { version, threads } = await loadEngine({ threads: 1 });
    const steps = quick ? 200 : 400;
    const cases: Record<string, Record<string, Measured>> = {};
    for (const identities of quick ? [2000, 200_000] : [2000, 20_000, 200_000]) {
      const found: Record<string, Measured> = {};
      for (const [name, patches] of Object.entries(variants)) {
        const figures = { ...simulateCompanions({ identities, patches, steps }) };
        found[name] = { about: { version, threads, steps }, figures };
        say(
          `N = ${identities}, ${name}: ${figures.filled.toFixed(1)} of ${figures.places} places, hit rate ${figures.hitRate.toFixed(2)}`,
        );
      }
      cases[`N = ${identities.toLocaleString('en')}`] = found;
    }
    return {
      unit: 'places',
      cases,
      ratios: {},
      absent: [],
      notes: [
        `Means over the second half of ${steps} steps. \`places\`: classes of a batch that are to be look-alikes; \`filled\`: those that are; \`paired\`: those ` +
          "of them that are look-alikes of the batch's own starters, the others come out of the memory in pairs or clusters. " +
          '`hitRate`: share of the classes of a batch found in memory. `nearest`: cosine of such a class to the most alike class of ' +
          'its batch as the encoder sees both now; `startersNearest`, of a class that the order brought; `imagesNearest`, of an image.',
      ],
    };
  },
};
