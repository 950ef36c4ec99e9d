import { check, joinBytes } from '@protomem/core';
import { checkCalibration } from './calibration.ts';
import { entriesOf } from './enrolment.ts';
import { type Entry, encodeEntry } from './format.ts';
import type { Gallery, Person } from './gallery.ts';
import { identify, verify } from './identify.ts';
import type { KnownPeople, Member } from './known-people.ts';
import type { Search } from './search-rows.ts';
import type { GalleryStorage } from './storage.ts';

/** The gallery of a storage whose people are known: each change is written before it counts. */
export function galleryOn(
  storage: GalleryStorage,
  known: KnownPeople,
  notes: readonly string[],
  search: Search,
): Gallery {
  const { name } = storage;
  const { members } = known;
  let last: Promise<unknown> = Promise.resolve();
  let closed = false;

  /** One call after the other. */
  function inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    const result = last.then(() => {
      check(!closed, () => ({ where: name, what: 'the gallery', got: 'closed', expected: 'open' }));
      return work();
    });
    last = result.catch(() => undefined);
    return result;
  }

  /** {@link inTurn}, of what is refused where nothing may be written. */
  const writing = <T>(work: () => Promise<T>): Promise<T> =>
    inTurn(() => {
      const [got, expected] = ['opened to read only', 'opened to write'];
      check(!storage.readOnly, () => ({ where: name, what: 'the gallery', got, expected }));
      return work();
    });

  async function write(entries: readonly Entry[]): Promise<void> {
    if (entries.length > 0) await storage.append(joinBytes(entries.map(encodeEntry)));
    for (const entry of entries) known.apply(entry);
  }

  async function compact(): Promise<void> {
    if (!known.outdated) return;
    await storage.replace(known.encoded());
    known.outdated = false;
  }

  function memberOf(person: string): Member {
    const member = members.get(person);
    check(member !== undefined, () => ({
      where: name,
      what: 'the person',
      got: person,
      expected: `one of the ${members.size} in the gallery`,
    }));
    return member;
  }

  return {
    ...{ name, notes, ...known.header },
    get people() {
      return members.size;
    },
    get images() {
      return known.images.length;
    },
    get vectorBytes() {
      return known.images.byteLength + (known.means?.byteLength ?? 0);
    },
    get calibration() {
      return known.calibration;
    },
    enrol: (people) =>
      writing(async () => {
        const { entries, counts } = entriesOf(known, people);
        await write(entries);
        return counts;
      }),
    identify: (queries, options = {}) => inTurn(() => identify(known, queries, options, search)),
    verify: (person, queries, options = {}) => inTurn(() => verify(known, memberOf(person), queries, options)),
    remove: (person, image) =>
      writing(async () => {
        const { images } = memberOf(person);
        check(image === undefined || images.has(image), () => ({
          where: name,
          what: `the image of ${person}`,
          got: image,
          expected: `one of ${[...images.keys()].join(', ')}`,
        }));
        const count = image === undefined ? images.size : 1;
        await write([{ kind: 'remove', person, ...(image === undefined ? {} : { image }) }]);
        return count;
      }),
    list: () => Array.from(members.values(), personOf),
    find(person) {
      const member = members.get(person);
      return member && personOf(member);
    },
    calibrate: (calibration) =>
      writing(async () => {
        checkCalibration(calibration, 'calibrate');
        if (JSON.stringify(calibration) === JSON.stringify(known.calibration)) return;
        await write([{ kind: 'calibrate', calibration }]);
      }),
    compact: () => writing(compact),
    close: () => {
      if (closed) return last.then(() => undefined);
      return inTurn(async () => {
        closed = true;
        try {
          if (!storage.readOnly) await compact();
        } finally {
          await storage.close();
        }
      });
    },
  };
}

const personOf = ({ person, images }: Member): Person => ({ person, images: [...images.keys()] });
