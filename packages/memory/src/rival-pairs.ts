import { stopGradient } from '@protomem/engine';
import * as tf from '@tensorflow/tfjs';
import type { Groups } from './group-labels.ts';
import { blockOf, type Meeting } from './memory-loss.ts';
import type { PrototypeMemorySettings } from './options.ts';
import { leftOutRow } from './rest-log-sum-exp.ts';
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

  /** Looks up the rivals of `observeRivals` samples, other ones in each step. Classes of the batch are no rivals here. */
  observe(meeting: Meeting, groups: Groups, slots: Slots, settings: PrototypeMemorySettings): void {
    const { unit, rest, leftOut } = meeting;
    const images = unit.shape[0];
    const count = Math.min(settings.observeRivals, images);
    if (count === 0 || rest.count <= leftOut.length) return;
    const samples = Array.from({ length: count }, (_, i) => (slots.step * count + i) % images);
    const best = Array.from(samples, () => ({ cosine: -2, slot: -1 }));
    tf.tidy(() => {
      const chosen = tf.gather(stopGradient(unit), tf.tensor1d(samples, 'int32'));
      const block = blockOf(meeting, settings);
      for (let from = 0; from < rest.count; from += block) {
        const size = Math.min(block, rest.count - from);
        const found = tf.tidy(() => {
          const cosines = tf.matMul(chosen, rest.block(from, size), false, true);
          const out = leftOutRow(leftOut, from, size, -4);
          const { values, indices } = tf.topk(out ? tf.add(cosines, out) : cosines, 1);
          return { cosines: values.dataSync(), at: indices.dataSync() };
        });
        best.forEach((rival, i) => {
          if (found.cosines[i]! <= rival.cosine) return;
          rival.cosine = found.cosines[i]!;
          rival.slot = from + found.at[i]!;
        });
      }
    });
    best.forEach(({ cosine, slot }, i) => {
      const id = groups.ids[groups.groupOf[samples[i]!]!]!;
      this.pairs[this.next++ % KEPT] = { id, rival: slots.idOf(slot), cosine, step: slots.step };
    });
  }

  /** The most alike first. */
  list(): RivalPair[] {
    return this.pairs.toSorted((a, b) => b.cosine - a.cosine);
  }
}
