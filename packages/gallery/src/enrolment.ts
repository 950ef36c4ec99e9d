import { check } from '@protomem/core';
import type { Entry } from './format.ts';
import type { Enrolled, Enrolment } from './gallery.ts';
import { enrolEntries, type KnownPeople } from './known-people.ts';
import { unitOf } from './unit.ts';

/** What of an enrolment has to be written, all of it checked, and what becomes of its images. */
export function entriesOf(known: KnownPeople, people: readonly Enrolment[]): { entries: Entry[]; counts: Enrolled } {
  const counts = { added: 0, replaced: 0, unchanged: 0 };
  const persons = new Set<string>();
  const entries = people.flatMap((one) => {
    check(!persons.has(one.person), () => ({
      where: 'enrol',
      what: 'people',
      got: `${one.person} twice`,
      expected: 'each person once, with all images',
    }));
    persons.add(one.person);
    return entryOf(known, one, counts);
  });
  return { entries, counts };
}

function entryOf(
  known: KnownPeople,
  { person, images }: Enrolment,
  counts: { added: number; replaced: number; unchanged: number },
): Entry[] {
  checkName('the person', person);
  const there = known.members.get(person)?.images;
  const seen = new Set<string>();
  const written = new Map<string, Float32Array>();
  let next = (there?.size ?? 0) + 1;
  for (const { image, embedding } of images) {
    if (image === undefined) while (there?.has(String(next)) || seen.has(String(next))) next++;
    const name = image ?? String(next);
    checkName(`the image of ${person}`, name);
    check(!seen.has(name), () => ({
      where: 'enrol',
      what: `the images of ${person}`,
      got: `${name} twice`,
      expected: 'a name of its own for each',
    }));
    seen.add(name);
    const vector = unitOf(embedding, known.header.width, `${name} of ${person}`);
    const owner = there?.get(name);
    const old = owner && known.images.of(owner);
    if (old?.every((value, i) => value === vector[i])) counts.unchanged++;
    else {
      counts[old ? 'replaced' : 'added']++;
      written.set(name, vector);
    }
  }
  return [...enrolEntries(person, [...written])];
}

/** Names are written on one line of a terminal, and kept whole in the file. */
function checkName(what: string, name: unknown): asserts name is string {
  check(typeof name === 'string' && name !== '' && name.length <= 4096 && !/\p{Cs}/u.test(name), () => ({
    where: 'enrol',
    what,
    got: name,
    expected: 'text of 1 to 4096 characters',
  }));
}
