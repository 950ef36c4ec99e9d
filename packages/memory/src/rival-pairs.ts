import * as tf from '@tensorflow/tfjs';
import type { Groups } from './group-labels.ts';
import type { Slots } from './slots.ts';

/** A sample's identity, and the class in memory that was nearest to it besides its own. */
export interface RivalPair {
  readonly id: number;
  readonly rival: number;
  /** Of the sample to the rival's prototype. */
  readonly cosine: number;
  /** Step in which it was seen. */
  readonly step: number;
}

const KEPT = 1024;

/** The rival pairs seen last. */
export class RivalPairs {
  private readonly pairs: RivalPair[] = [];
  private next = 0;

  /** The most alike first. */
  list(): RivalPair[] {
    return this.pairs.toSorted((a, b) => b.cosine - a.cosine);
  }

  /** Notes what a watch has seen, and ends it. */
  note(watch: RivalWatch, { ids, groupOf }: Groups, slots: Slots): void {
    for (const { sample, slot, cosine } of watch.end()) {
      const id = ids[groupOf[sample]!]!;
      this.pairs[this.next++ % KEPT] = { id, rival: slots.idOf(slot), cosine, step: slots.step };
    }
  }
}

/**
 * Looks on while a loss meets the memory, and remembers the nearest column of a few samples. It reads nothing back
 * before its end, and never looks at the memory itself: that alone would cost more than the rest of a small step.
 */
export class RivalWatch {
  private readonly first: number;
  private readonly count: number;
  private readonly seen: { readonly from: number; readonly top: tf.Tensor2D; readonly at: tf.Tensor2D }[] = [];

  /** @param first the sample that it begins with, counted on over all steps */
  constructor(images: number, samples: number, first: number) {
    this.count = Math.min(samples, images);
    this.first = Math.min(first % images, images - this.count);
  }

  /**
   * @param cosines `[B, m]`: to the columns `from` ... `from + m - 1`
   * @param out `[1, m]`, added: far below -1 for columns that do not count
   * @param scale what the cosines come multiplied by
   */
  look(cosines: tf.Tensor2D, from: number, out?: tf.Tensor2D, scale = 1): void {
    if (this.count === 0) return;
    tf.tidy(() => {
      const rows = tf.slice(cosines, [this.first, 0], [this.count, cosines.shape[1]]);
      const { values, indices } = tf.topk(out ? tf.add(rows, out) : rows, 1);
      this.seen.push({ from, top: tf.keep(tf.div(values as tf.Tensor2D, scale)), at: tf.keep(indices as tf.Tensor2D) });
    });
  }

  /** The nearest column that counts, for each sample that was watched. */
  end(): { sample: number; slot: number; cosine: number }[] {
    if (this.seen.length === 0) return [];
    const read = (tensors: tf.Tensor2D[]): Float32Array | Int32Array =>
      tf.tidy(() => tf.concat(tensors, 1).dataSync<'float32' | 'int32'>());
    const top = read(this.seen.map((block) => block.top));
    const at = read(this.seen.map((block) => block.at));
    const blocks = this.seen.length;
    const found = Array.from({ length: this.count }, (_, i) => {
      const own = top.subarray(i * blocks, (i + 1) * blocks);
      const best = own.indexOf(Math.max(...own));
      return { sample: this.first + i, slot: this.seen[best]!.from + at[i * blocks + best]!, cosine: own[best]! };
    });
    this.dispose();
    // Where no column counts, the nearest is far below any cosine.
    return found.filter(({ cosine }) => cosine > -2);
  }

  dispose(): void {
    for (const { top, at } of this.seen) tf.dispose([top, at]);
    this.seen.length = 0;
  }
}
