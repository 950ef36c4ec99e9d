import { permutation } from './permutation.ts';

/** Where a stream stands: the next draw is number `index` of round `round` of group `group` of pass `pass`. */
export interface StreamCursor {
  readonly pass: number;
  readonly group: number;
  readonly round: number;
  readonly index: number;
}

/**
 * Endless identities in groups: each pass orders [0, identities) by its own permutation and cuts it into `groups` equal
 * parts (sizes differ by at most one); each part is gone through `rounds` times, reshuffled each time. So every identity
 * comes exactly `rounds` times a pass. O(1) memory.
 */
export class IdentityStream {
  private readonly identities: number;
  private readonly groups: number;
  private readonly rounds: number;
  private readonly seed: number;
  private at: StreamCursor = { pass: 0, group: 0, round: 0, index: 0 };
  private order: ((index: number) => number) | undefined;

  constructor(identities: number, groups: number, rounds: number, seed: number) {
    this.identities = identities;
    this.groups = groups;
    this.rounds = rounds;
    this.seed = seed;
  }

  get cursor(): StreamCursor {
    return this.at;
  }

  set cursor(cursor: StreamCursor) {
    this.at = cursor;
    this.order = undefined;
  }

  next(): number {
    const { pass, group, round, index } = this.at;
    this.order ??= this.orderOf(this.at);
    const identity = this.order(index);
    if (index + 1 < this.groupSize(group)) this.at = { pass, group, round, index: index + 1 };
    else if (round + 1 < this.rounds) this.cursor = { pass, group, round: round + 1, index: 0 };
    else if (group + 1 < this.groups) this.cursor = { pass, group: group + 1, round: 0, index: 0 };
    else this.cursor = { pass: pass + 1, group: 0, round: 0, index: 0 };
    return identity;
  }

  /** Identities in a group. */
  groupSize(group: number): number {
    return Math.floor(this.identities / this.groups) + (group < this.identities % this.groups ? 1 : 0);
  }

  /** The identities of the present group, in the order of this pass. */
  group(): { readonly size: number; readonly at: (index: number) => number } {
    const { pass, group } = this.at;
    const ofPass = permutation(this.identities, this.seed, 0, pass);
    const start = this.startOf(group);
    return { size: this.groupSize(group), at: (index) => ofPass(start + index) };
  }

  private startOf(group: number): number {
    return group * Math.floor(this.identities / this.groups) + Math.min(group, this.identities % this.groups);
  }

  private orderOf({ pass, group, round }: StreamCursor): (index: number) => number {
    const { size, at } = this.group();
    const ofRound = permutation(size, this.seed, 1, pass, group, round);
    return (index) => at(ofRound(index));
  }
}
