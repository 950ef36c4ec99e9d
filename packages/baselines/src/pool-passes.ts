import { updateRows } from '@protomem/engine';
import type { Groups, Mask } from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';
import type { Plan } from './class-pool.ts';

/** The batch's images in two halves: each identity's alternately, and identities with one image in turns. */
export function dealHalves({ images }: Groups): readonly [number[], number[]] {
  const halves: [number[], number[]] = [[], []];
  let singles = 0;
  for (const own of images) {
    const start = own.length === 1 ? singles++ : 0;
    own.forEach((image, place) => {
      halves[(start + place) % 2]!.push(image);
    });
  }
  return halves;
}

/** Cosines to be put, and where they are in the source. */
export interface Change {
  readonly to: Mask;
  readonly from: Mask;
}

interface Changes {
  /** To the cosines to the pool's first slots as stored. */
  readonly first: Change;
  /** And then, for those to the second slots of identities that were hit. */
  readonly second: Change;
  /** Columns whose stored second slot is a source: source `images + k` is the k-th of them. */
  readonly secondSlots: number[];
}

/** What both passes change of the pool. */
export function listChanges(
  plans: readonly [Plan, Plan],
  halves: readonly [number[], number[]],
  images: number,
): Changes {
  const secondSlots: number[] = [];
  const newChange = (): Change => ({ to: { rows: [], columns: [] }, from: { rows: [], columns: [] } });
  const [first, second] = [newChange(), newChange()];
  plans.forEach(({ placed }, pass) => {
    const put = ({ to, from }: Change, column: number, source: number): void => {
      for (const probe of halves[pass]!) {
        to.rows.push(probe);
        to.columns.push(column);
        from.rows.push(probe);
        from.columns.push(source);
      }
    };
    for (const { column, hit, images: written } of placed.values()) {
      if (written[0] >= 0) put(first, column, written[0]);
      if (hit) put(second, column, written[1] >= 0 ? written[1] : images + secondSlots.push(column) - 1);
    }
  });
  return { first, second, secondSlots };
}

/** Writes a plan's gallery features into the two slots of the pool. */
export function writePlan({ placed }: Plan, features: tf.Tensor2D, slots: readonly tf.Tensor2D[]): void {
  slots.forEach((slot, s) => {
    const written = [...placed.values()].filter(({ images }) => images[s]! >= 0);
    if (written.length === 0) return;
    const images = tf.tensor1d(
      written.map((place) => place.images[s]!),
      'int32',
    );
    const rows = Int32Array.from(written, ({ column }) => column);
    tf.tidy(() => updateRows(slot, rows, tf.gather(features, images)));
    images.dispose();
  });
}
