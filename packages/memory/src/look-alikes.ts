import type { LookAlike } from '@protomem/core';
import { type Collective, gatherJson, MASKED_LOGIT, putElements, stopGradient } from '@protomem/engine';
import { type Groups, numberOf } from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';
import type { Slots } from './slots.ts';

/** A sample's identity, and the class in memory that was nearest to it besides its own. */
export interface SeenLookAlike extends LookAlike {
  /** Place of the image in its batch. */
  readonly sample: number;
  /** Step in which it was seen. */
  readonly step: number;
}

const KEPT = 1024;

/** The look-alike pairs seen last. */
export class LookAlikes {
  private readonly pairs: SeenLookAlike[] = [];
  private next = 0;
  private seen: readonly SeenLookAlike[] = [];

  /** Those of the last step, outside the batch and inside it. */
  last(): readonly SeenLookAlike[] {
    return this.seen;
  }

  /** The most alike first, outside of batches. */
  list(): SeenLookAlike[] {
    return this.pairs.toSorted((a, b) => b.cosine - a.cosine);
  }

  /** Notes what a watch has seen, and ends it. */
  note(watch: LookAlikeWatch, { ids, groupOf }: Groups, slots: Slots): void {
    const pair = ({ sample, cosine }: Seen, lookAlike: number): SeenLookAlike => ({
      id: ids[groupOf[sample]!]!,
      lookAlike,
      cosine,
      sample,
      step: slots.step,
    });
    const { outside, inside } = watch.end();
    const inMemory = outside.map((seen) => pair(seen, slots.idOf(seen.at)));
    for (const lookAlike of inMemory) this.pairs[this.next++ % KEPT] = lookAlike;
    this.seen = [...inMemory, ...inside.map((seen) => pair(seen, ids[seen.at]!))];
  }

  /** As if nothing had been seen yet. */
  forget(): void {
    this.pairs.length = 0;
    this.next = 0;
    this.forgetLast();
  }

  /** Begins a step in which nothing has been looked at yet. */
  forgetLast(): void {
    this.seen = [];
  }
}

/** A sample, and the column that was nearest to it. */
interface Seen {
  readonly sample: number;
  readonly at: number;
  readonly cosine: number;
}

/** For each sample the nearest of what ranks have seen, in the order of samples. */
function nearestOfAll(seen: readonly Seen[]): Seen[] {
  const nearest = new Map<number, Seen>();
  for (const one of seen) {
    const best = nearest.get(one.sample);
    if (!best || one.cosine > best.cosine) nearest.set(one.sample, one);
  }
  return [...nearest.values()].sort((a, b) => a.sample - b.sample);
}

/** The nearest column of each sample watched, `[count, 1]`, out of a block of them. */
interface Nearest {
  readonly inside: boolean;
  readonly from: number;
  readonly top: tf.Tensor2D;
  readonly at: tf.Tensor2D;
}

/**
 * Looks on while a loss is computed, and remembers the nearest column of a few samples. It reads nothing back
 * before its end, and never looks at the memory itself: that alone would cost more than the rest of a small step.
 */
export class LookAlikeWatch {
  private readonly first: number;
  private readonly count: number;
  private readonly blocks: Nearest[] = [];
  private readonly ranks: Collective;

  /**
   * @param first the sample that it begins with, counted on over all steps
   * @param ranks among whom the slots are divided: each looks at its own
   */
  constructor(images: number, samples: number, first: number, ranks: Collective) {
    this.ranks = ranks;
    this.count = Math.min(samples, images);
    this.first = Math.min(first % images, images - this.count);
  }

  /**
   * @param cosines `[B, m]`: to the columns `from` ... `from + m - 1` of the memory, as this rank counts them
   * @param mask `[1, m]`, added: {@link MASKED_LOGIT} for columns that do not count
   * @param scale what the cosines come multiplied by
   */
  look(cosines: tf.Tensor2D, from: number, mask?: tf.Tensor2D, scale = 1): void {
    this.nearest(cosines, (rows) => (mask ? tf.add(rows, mask) : rows), { inside: false, from, scale });
  }

  /**
   * @param cosines `[B, C]`: to the batch's own classes
   * @param ownGroup `[B]`, int32: which of them is each sample's, and does not count
   */
  lookInside(cosines: tf.Tensor2D, ownGroup: tf.Tensor1D): void {
    const withoutOwn = (rows: tf.Tensor2D): tf.Tensor2D =>
      putElements(rows, tf.slice(ownGroup, [this.first], [this.count]), tf.fill([this.count], MASKED_LOGIT));
    this.nearest(cosines, withoutOwn, { inside: true, from: 0, scale: 1 });
  }

  private nearest(
    cosines: tf.Tensor2D,
    counting: (rows: tf.Tensor2D) => tf.Tensor2D,
    { scale, ...block }: { readonly inside: boolean; readonly from: number; readonly scale: number },
  ): void {
    if (this.count === 0) return;
    tf.tidy(() => {
      const rows = stopGradient(tf.slice(cosines, [this.first, 0], [this.count, cosines.shape[1]]));
      const { values, indices } = tf.topk(counting(rows), 1);
      const top = tf.keep(tf.div(values as tf.Tensor2D, scale) as tf.Tensor2D);
      this.blocks.push({ ...block, top, at: tf.keep(indices as tf.Tensor2D) });
    });
  }

  /** The nearest column that counts, for each sample watched: a slot of the memory, and a class of the batch; by all ranks together. */
  end(): { readonly outside: readonly Seen[]; readonly inside: readonly Seen[] } {
    const { blocks } = this;
    if (blocks.length === 0) return { outside: [], inside: [] };
    const read = (tensors: tf.Tensor2D[]): Float32Array | Int32Array =>
      tf.tidy(() => tf.concat(tensors, 1).dataSync<'float32' | 'int32'>());
    const tops = read(blocks.map(({ top }) => top));
    const ats = read(blocks.map(({ at }) => at));
    const best = (inside: boolean): Seen[] => {
      const seen: Seen[] = [];
      for (let i = 0; i < this.count; i++) {
        // Where no column counts, the nearest is far below any cosine.
        let found = { sample: this.first + i, at: -1, cosine: -2 };
        for (const [b, block] of blocks.entries()) {
          const place = i * blocks.length + b;
          if (block.inside !== inside || !(tops[place]! > found.cosine)) continue;
          found = { ...found, at: block.from + ats[place]!, cosine: tops[place]! };
        }
        if (found.at >= 0) seen.push(found);
      }
      return seen;
    };
    const own = best(false).map((seen) => ({ ...seen, at: numberOf(seen.at, this.ranks) }));
    const found = { outside: nearestOfAll(gatherJson(this.ranks, own).flat()), inside: best(true) };
    this.dispose();
    return found;
  }

  dispose(): void {
    for (const { top, at } of this.blocks) tf.dispose([top, at]);
    this.blocks.length = 0;
  }
}
