import { ProtomemError } from '@protomem/core';
import { naturalOrder } from '../sources/natural-order.ts';

/**
 * Numbers identities by their labels as these come, and ranks them at the end: where all labels are numbers, by these;
 * else in natural order of the labels. So the ranks do not depend on the order of the images.
 */
export class IdentityNumbers {
  private readonly numbers = new Map<string, number>();
  private readonly names: string[] = [];

  /**
   * The number of a label.
   *
   * @param name of the identity. Default: the label.
   * @param place where it stands (file, and line or offset), for the message when the label had another name before.
   */
  numberOf(label: string, name: string | undefined, place: () => readonly [file: string, what: string]): number {
    const key = /^\d{1,15}(\.0*)?$/.test(label) ? String(Number(label)) : label;
    const known = this.numbers.get(key);
    if (known === undefined) {
      this.numbers.set(key, this.names.length);
      return this.names.push(name ?? key) - 1;
    }
    if (name !== undefined && name !== this.names[known]) {
      const [where, what] = place();
      const expected = `${this.names[known]}, as label ${key} was called before`;
      throw new ProtomemError({ where, what, got: name, expected, fix: 'Give each identity a label of its own.' });
    }
    return known;
  }

  /** Names of the identities by rank, and the rank of each number. */
  ranked(): { readonly names: string[]; readonly rank: Uint32Array } {
    const labels = [...this.numbers.keys()];
    const numeric = labels.every((label) => /^\d{1,15}$/.test(label));
    labels.sort(numeric ? (a, b) => Number(a) - Number(b) : naturalOrder);
    const rank = new Uint32Array(labels.length);
    for (const [to, label] of labels.entries()) rank[this.numbers.get(label)!] = to;
    return { names: labels.map((label) => this.names[this.numbers.get(label)!]!), rank };
  }
}
