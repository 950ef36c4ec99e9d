import { Remarks } from '@protomem/core';
import { shared } from '../sources/shared.ts';
import { StringTableBuilder, stringAt, tableOf } from '../sources/string-table.ts';
import type { PackedIndex } from './packed-source.ts';

/** Where an image was found while scanning a format in its own order. */
export interface FoundImage {
  /** Number of its identity, in the order that {@link PackedBuilder.build} is given names. */
  readonly identity: number;
  /** Name without folder, such as `0001.jpg`. */
  readonly name: string;
  /** Number of its file. */
  readonly file: number;
  readonly offset: number;
  readonly length: number;
}

/**
 * Collects images in the order that a file has them, and orders them by identity; within one, as they came. Typed
 * arrays that double: 30 bytes an image and its name while it is built.
 */
export class PackedBuilder {
  /** What was not read, assumed or found in conflict. */
  readonly remarks = new Remarks();
  private readonly names = new StringTableBuilder();
  private readonly identity = new Numbers((size) => new Uint32Array(size));
  private readonly file = new Numbers((size) => new Uint32Array(size));
  private readonly offset = new Numbers((size) => new Float64Array(size));
  private readonly length = new Numbers((size) => new Uint32Array(size));

  get images(): number {
    return this.identity.used;
  }

  push({ identity, name, file, offset, length }: FoundImage): void {
    this.names.push(name);
    this.identity.push(identity);
    this.file.push(file);
    this.offset.push(offset);
    this.length.push(length);
  }

  /**
   * @param name what the user calls the source.
   * @param files paths, by number.
   * @param identities names, by number; each is used by some image.
   * @param rank new numbers of the identities, by the number that {@link push} was given; `identities` are by the new
   * number then. Default: they keep their numbers.
   */
  build(
    name: string,
    files: readonly string[],
    identities: Iterable<string>,
    unwrap: PackedIndex['unwrap'],
    rank?: ArrayLike<number>,
  ): PackedIndex {
    const identityNames = tableOf(identities);
    const { imageEnds, order } = groupByIdentity(this.identity.array(), identityNames.ends.length, rank);
    const images = order.length;

    const fileOf = new Uint32Array(new SharedArrayBuffer(4 * images));
    const offsets = new Float64Array(new SharedArrayBuffer(8 * images));
    const lengths = new Uint32Array(new SharedArrayBuffer(4 * images));
    const [file, offset, length] = [this.file.array(), this.offset.array(), this.length.array()];
    const unordered = this.names.build();
    const ordered = new StringTableBuilder();
    for (let to = 0; to < images; to++) {
      const from = order[to]!;
      fileOf[to] = file[from]!;
      offsets[to] = offset[from]!;
      lengths[to] = length[from]!;
      ordered.push(stringAt(unordered, from));
    }
    return {
      name,
      files: tableOf(files),
      identities: identityNames,
      imageEnds,
      images: ordered.build(),
      fileOf,
      offsets,
      lengths,
      unwrap,
      remarks: this.remarks.list(),
    };
  }
}

/**
 * Brings images together by identity, those of one in the order that they came.
 *
 * @param identity by image.
 * @param rank new numbers of the identities. Default: they keep theirs.
 * @returns the number of images up to and with each identity, in shared memory, and the images in their new order.
 */
export function groupByIdentity(
  identity: Uint32Array,
  identities: number,
  rank?: ArrayLike<number>,
): { readonly imageEnds: Float64Array; readonly order: Uint32Array } {
  const rankOf = (image: number): number => (rank ? rank[identity[image]!]! : identity[image]!);
  const imageEnds = shared(new Array<number>(identities).fill(0));
  for (let i = 0; i < identity.length; i++) imageEnds[rankOf(i)]!++;
  for (let i = 1; i < identities; i++) imageEnds[i]! += imageEnds[i - 1]!;
  // Counting sort, from the back so that images of one identity keep their order.
  const order = new Uint32Array(identity.length);
  const free = Float64Array.from(imageEnds);
  for (let i = identity.length - 1; i >= 0; i--) order[--free[rankOf(i)]!] = i;
  return { imageEnds, order };
}

/** A typed array that grows. */
export class Numbers<A extends Uint32Array | Float64Array> {
  used = 0;
  private readonly make: (size: number) => A;
  private values: A;

  constructor(make: (size: number) => A) {
    this.make = make;
    this.values = make(1024);
  }

  push(value: number): void {
    if (this.used === this.values.length) {
      const larger = this.make(2 * this.used);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.used++] = value;
  }

  array(): A {
    return this.values.subarray(0, this.used) as A;
  }
}
