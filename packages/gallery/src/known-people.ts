import { type Calibration, checkCalibration } from './calibration.ts';
import { type Entry, encodeEntry, encodeHeader, type Header, MOST_BYTES } from './format.ts';
import { type RowOwner, Rows } from './rows.ts';
import { unit } from './unit.ts';

export interface Member {
  readonly person: string;
  readonly images: Map<string, MemberImage>;
  /** The row of the mean, in the table of means. */
  row: number;
}

export interface MemberImage extends RowOwner {
  readonly member: Member;
  readonly image: string;
}

/** Everybody in a gallery, in memory: what its records come to, one after the other. */
export class KnownPeople {
  readonly header: Header;
  readonly members = new Map<string, Member>();
  readonly images: Rows<MemberImage>;
  /** The mean of each person's images, of length 1; made when it is asked for and differs from the images. */
  means: Rows<Member> | undefined;
  calibration: Calibration | undefined;
  /** Whether the storage has bytes that are no longer wanted. */
  outdated = false;

  constructor(header: Header) {
    this.header = header;
    this.images = new Rows(header.width);
  }

  apply(entry: Entry): void {
    if (entry.kind === 'calibrate') {
      checkCalibration(entry.calibration, entry.calibration.source);
      if (this.calibration) this.outdated = true;
      this.calibration = entry.calibration;
    } else if (entry.kind === 'remove') {
      this.#remove(entry.person, entry.image);
      this.outdated = true;
    } else this.#enrol(entry);
  }

  #enrol({ person, images, vectors }: Entry & { kind: 'enrol' }): void {
    const { width } = this.header;
    const member = this.members.get(person) ?? { person, images: new Map(), row: -1 };
    this.members.set(person, member);
    for (const [i, image] of images.entries()) {
      const known = member.images.get(image);
      if (known) this.outdated = true;
      const owner = known ?? { member, image, row: -1 };
      member.images.set(image, owner);
      this.images.put(owner, vectors.subarray(i * width, (i + 1) * width));
    }
    this.#refresh(member);
  }

  #remove(person: string, image: string | undefined): void {
    const member = this.members.get(person);
    if (!member) return;
    const { images } = member;
    for (const owner of image === undefined ? [...images.values()] : [images.get(image)]) {
      if (!owner) continue;
      this.images.remove(owner);
      images.delete(owner.image);
    }
    if (images.size > 0) this.#refresh(member);
    else {
      this.members.delete(person);
      if (member.row >= 0) this.means!.remove(member);
    }
  }

  /** What faces are compared with. Where each person has one image, it is the mean. */
  rows(template: 'mean' | 'best'): Rows<MemberImage> | Rows<Member> {
    if (template === 'best' || this.images.length === this.members.size) return this.images;
    if (!this.means) {
      this.means = new Rows(this.header.width);
      for (const member of this.members.values()) this.#refresh(member);
    }
    return this.means;
  }

  #refresh(member: Member): void {
    if (!this.means) return;
    const mean = new Float32Array(this.header.width);
    for (const image of member.images.values()) {
      const vector = this.images.of(image);
      for (let i = 0; i < mean.length; i++) mean[i]! += vector[i]!;
    }
    this.means.put(member, unit(mean) ?? this.images.of(member.images.values().next().value!));
  }

  /** The whole gallery as records, without what is gone. */
  *encoded(): Generator<Uint8Array> {
    yield encodeHeader(this.header);
    if (this.calibration) yield encodeEntry({ kind: 'calibrate', calibration: this.calibration });
    for (const { person, images } of this.members.values()) {
      const vectors = Array.from(images.values(), (owner) => [owner.image, this.images.of(owner)] as const);
      for (const entry of enrolEntries(person, vectors)) yield encodeEntry(entry);
    }
  }
}

/** Bytes of a record at most, of which JSON writes a character of a name in six. */
const RECORD = MOST_BYTES / 2;
const bytesIn = (name: string, width: number): number => 4 * width + 6 * name.length + 3;

/** The record of images of one person, their names with their vectors; several, where one would be too long to be read. */
export function* enrolEntries(
  person: string,
  images: readonly (readonly [name: string, vector: Float32Array])[],
): Generator<Entry & { kind: 'enrol' }> {
  for (let start = 0, end: number; start < images.length; start = end) {
    const width = images[start]![1].length;
    let bytes = 0;
    for (end = start; end < images.length; end++) {
      bytes += bytesIn(images[end]![0], width);
      if (bytes > RECORD && end > start) break;
    }
    const some = images.slice(start, end);
    const vectors = new Float32Array(some.length * width);
    for (const [i, [, vector]] of some.entries()) vectors.set(vector, i * width);
    yield { kind: 'enrol', person, images: some.map(([name]) => name), vectors };
  }
}
