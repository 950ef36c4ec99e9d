import { ProtomemError } from '@protomem/core';
import { naturalOrder } from '../sources/natural-order.ts';

/** One spelling of a number that stands for an identity: `10` for MXNet's `10.000000`. Other labels stay as they are. */
export const plainNumber = <T extends string | undefined>(label: T): T =>
  (label && /^\d{1,15}(\.0*)?$/.test(label) ? String(Number(label)) : label) as T;

/**
 * Numbers identities by their labels as these come, and ranks them at the end, in natural order of the labels: those
 * that are numbers by their value. So the ranks do not depend on the order of the images.
 */
export class IdentityNumbers {
  private readonly numbers = new Map<string, number>();
  private readonly names: string[] = [];

  /**
   * The number of a label: a name, or a {@link plainNumber}.
   *
   * @param name of the identity. Default: the label.
   * @param place where it stands (file, and line or offset), for the message when the label had another name before.
   */
  numberOf(label: string, name: string | undefined, place: () => readonly [file: string, what: string]): number {
    const known = this.numbers.get(label);
    if (known === undefined) {
      this.numbers.set(label, this.names.length);
      return this.names.push(name ?? label) - 1;
    }
    if (name !== undefined && name !== this.names[known]) {
      const [where, what] = place();
      const expected = `${this.names[known]}, as label ${label} was called before`;
      throw new ProtomemError({ where, what, got: name, expected, fix: 'Give each identity a label of its own.' });
    }
    return known;
  }

  /** Names of the identities by rank, and the rank of each number. */
  ranked(): { readonly names: string[]; readonly rank: Uint32Array } {
    const labels = [...this.numbers.keys()].sort(naturalOrder);
    const rank = new Uint32Array(labels.length);
    for (const [to, label] of labels.entries()) rank[this.numbers.get(label)!] = to;
    return { names: labels.map((label) => this.names[this.numbers.get(label)!]!), rank };
  }
}
