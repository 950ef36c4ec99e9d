import {
  integer,
  type PlannedImage,
  ProtomemError,
  Random,
  type Sampler,
  type Settings,
  type State,
} from '@protomem/core';
import { checkSampler } from './check-sampler.ts';
import { chooseImages } from './choose-images.ts';
import type { ClassOrder, Turn } from './class-order.ts';
import { imagesOf, layOut, type Portion } from './few-images.ts';
import type { samplerOptions } from './sampler-options.ts';

/**
 * @internal The one sampler: classes in some order, companions in the places that are left, images of each, and a rule for
 * those with too few.
 *
 * Companions never move the order, so that everybody comes as often in a pass whatever a miner names, and processes that
 * share a sampler agree on whose turn it is though each asks a miner of its own.
 */
export function composeSampler(where: string, options: Settings<typeof samplerOptions>, order: ClassOrder): Sampler {
  const { source, classes, images, fewImages, seed, minedClasses, minedImages } = options;
  const { identities } = source;
  const randomClasses = integer(where, 'randomClasses', options.randomClasses ?? classes, 1, classes);
  const hardImages = integer(where, 'hardImages', options.hardImages, 0, images);
  // Keys as saved states have them.
  const made = { sampler: where, identities, ...order.made, images, few: fewImages, seed, hardImages };
  const sizes = { classes, starters: randomClasses };
  let batch = 0;
  // Batches of them that this process planned: the number that its miner counts by.
  let planned = 0;

  /** The turns of a batch, then its companions; whatever they leave is filled at random. */
  const classesOf = (turns: readonly Turn[]): readonly Turn[] => {
    if (turns.length === classes) return turns;
    const chosen = [...turns];
    const inBatch = new Set(turns.map(({ identity }) => identity));
    const add = (identity: number, again = false): void => {
      if (chosen.length === classes || (inBatch.has(identity) && !again) || !order.takesPart(identity)) return;
      inBatch.add(identity);
      chosen.push({ identity });
    };
    const wanted = classes - turns.length;
    const request = { batch: planned, chosen: [...inBatch], wanted, random: new Random(seed, 7, batch) };
    for (const identity of minedClasses?.(request) ?? []) {
      add(integer(where, 'an identity that minedClasses returned', identity, 0, identities - 1));
    }
    // An order in which an identity may come more than once in a batch can have fewer of them than a batch has places.
    for (const again of [false, true]) {
      for (const identity of order.others(seed, 8, batch)) {
        if (chosen.length === classes) return chosen;
        add(identity, again);
      }
    }
    return chosen;
  };

  /** Images of a class: hard ones that are known first, the others as they come. */
  const portionOf = ({ identity, ...turn }: Turn, random: Random): Portion => {
    const available = imagesOf(where, source, identity);
    const count = fewImages === 'fill' ? Math.min(images, available) : images;
    const drawn = turn.images?.(available, count) ?? chooseImages(available, count, random);
    // Who has no more than are shown has nothing to choose from.
    if (!minedImages || hardImages === 0 || available <= count) return { identity, images: drawn };
    const hard = minedImages({ batch: planned, identity, wanted: hardImages }).slice(0, hardImages);
    for (const image of hard) integer(where, 'an image that minedImages returned', image, 0, available - 1);
    return { identity, images: [...new Set([...hard, ...drawn])].slice(0, count) };
  };

  return {
    batchSize: classes * images,
    batchesPerEpoch: Math.ceil(order.turns / randomClasses),
    next(): readonly PlannedImage[] {
      const random = new Random(seed, 2, batch);
      const portions = classesOf(order.next(batch, randomClasses)).map((turn) => portionOf(turn, random));
      planned++;
      return layOut(source, portions, images, seed, order.key, batch++);
    },
    skip() {
      order.next(batch++, randomClasses);
    },
    state: (): State => ({ values: { ...made, ...sizes, batch, planned, ...order.state() }, tensors: {} }),
    restore(state: State): void {
      checkPlanned(where, state);
      const { values } = state;
      // Before there were companions in every sampler, states said nothing of them.
      const saved = { ...state, values: { starters: values.classes ?? null, hardImages: 0, ...values } };
      checkSampler(where, order.resizable ? made : { ...made, ...sizes }, saved);
      batch = integer(where, 'batch of the saved state', values.batch as number, 0);
      planned = integer(where, 'planned of the saved state', (values.planned ?? batch) as number, 0);
      order.restore(where, values);
    },
  };
}

/** Look-alike batches of earlier releases came from another stream: no sampler of today goes on with it. */
function checkPlanned(where: string, { values }: State): void {
  if (values.sampler !== 'plannedClasses') return;
  throw new ProtomemError({
    where,
    what: 'sampler of the saved state',
    got: 'plannedClasses, of an earlier release',
    expected: where,
    fix: 'Batches of look-alikes are planned otherwise since then: finish that run with the release that began it, or start a new one.',
  });
}
