import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ProtomemError } from '@protomem/core';
import { fileSource, type PairList } from '@protomem/data';
import type { Faces } from './embed-faces.ts';

/** The images of some pairs, each once, and which two of them a pair has. */
export interface PairFaces {
  readonly faces: Faces;
  /** Two positions in `faces` a pair. */
  readonly pairs: Int32Array;
  /** 1 for the same person. */
  readonly labels: Uint8Array;
  /** The two people of a pair as numbers, where the list tells. */
  readonly people?: Int32Array;
}

/** Finds the images of a list below a folder; all or none. */
export function listFaces(folder: string, { pairs }: PairList): PairFaces {
  const rowOf = numbering();
  const personOf = numbering();
  const rows = Int32Array.from(pairs.flatMap(({ a, b }) => [rowOf.of(a), rowOf.of(b)]));
  const people = Int32Array.from(pairs.flatMap(({ a, b }) => [personOf.of(personIn(a)), personOf.of(personIn(b))]));
  const names = rowOf.names();
  const files = names.map((name) => fileOf(folder, name));
  const missing = names.filter((_, i) => !existsSync(files[i]!));
  if (missing.length > 0) {
    throw new ProtomemError({
      where: 'evaluation.pairs',
      what: folder,
      got: `${missing.length} of ${names.length} images missing, the first ${missing[0]}`,
      expected: 'every image that the list names',
      fix: 'A pair list is evaluated whole or not at all: check the folder, and the ending of the file names.',
    });
  }
  return {
    faces: { names, source: fileSource(files) },
    pairs: rows,
    labels: Uint8Array.from(pairs, ({ same }) => Number(same)),
    people,
  };
}

/** A file system may have its names in another form of Unicode than the list. */
function fileOf(folder: string, name: string): string {
  const spellings = [name, name.normalize('NFC'), name.normalize('NFD')].map((spelling) => join(folder, spelling));
  return spellings.find((file) => existsSync(file)) ?? spellings[0]!;
}

/** Who is in an image, by its path: its first folder, CFP's number, or its name up to the image's number. */
function personIn(name: string): string {
  const [, number] = /^Data\/Images\/(\d+)\//.exec(name) ?? [];
  return number ?? (name.includes('/') ? name.slice(0, name.indexOf('/')) : name.replace(/_\d+\.\w+$/, ''));
}

/** Numbers from 0 for names as they come. */
export function numbering() {
  const numbers = new Map<string, number>();
  return {
    of(name: string): number {
      if (!numbers.has(name)) numbers.set(name, numbers.size);
      return numbers.get(name)!;
    },
    names: (): string[] => [...numbers.keys()],
  };
}
