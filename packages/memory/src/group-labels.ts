import { check } from '@protomem/core';

/** The distinct identities of a batch, in order of first appearance, and which images are whose. */
export interface Groups {
  /** C identities. */
  readonly ids: readonly number[];
  /** The group of each of the B images. */
  readonly groupOf: Int32Array;
  /** The place of each image among those of its identity: 0, 1, ... */
  readonly placeOf: Int32Array;
  /** Images of each identity, C counts. */
  readonly sizes: readonly number[];
}

/** Groups a batch's labels; refuses what is not a safe integer >= 0, and a count other than `images`. */
export function groupLabels(where: string, labels: ArrayLike<number>, images: number): Groups {
  check(labels.length === images, () => ({
    where,
    what: 'number of labels',
    got: labels.length,
    expected: `${images}, one for each embedding`,
  }));
  const groups = new Map<number, number>();
  const ids: number[] = [];
  const sizes: number[] = [];
  const groupOf = new Int32Array(images);
  const placeOf = new Int32Array(images);
  for (let i = 0; i < images; i++) {
    const id = labels[i]!;
    check(Number.isSafeInteger(id) && id >= 0, () => ({
      where,
      what: `label ${i} of ${images}`,
      got: id,
      expected: 'an integer in [0, 2^53)',
    }));
    let group = groups.get(id);
    if (group === undefined) {
      group = ids.length;
      groups.set(id, group);
      ids.push(id);
      sizes.push(0);
    }
    groupOf[i] = group;
    placeOf[i] = sizes[group]!++;
  }
  return { ids, groupOf, placeOf, sizes };
}
