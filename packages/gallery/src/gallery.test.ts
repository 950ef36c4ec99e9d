import { Random, readTfRecords } from '@protomem/core';
import { damage, fuzz, fuzzTimeout } from '@protomem/core/testing';
import { describe, expect, it } from 'vitest';
import { encodeEntry, MOST_BYTES } from './format.ts';
import type { Enrolment } from './gallery.ts';
import { enrolEntries } from './known-people.ts';
import { openGallery } from './open-gallery.ts';
import { type RowOwner, Rows } from './rows.ts';
import { searchRows } from './search-rows.ts';
import { memoryStorage } from './storage.ts';

const model = { name: 'encoder', fingerprint: 'a1' };
const open = (storage = memoryStorage(), options = {}) => openGallery(storage, { width: 3, model, ...options });
const x = [2, 0, 0];
const y = [0, 3, 0];
const z = [0, 0, 1];
const person = (person: string, ...embeddings: readonly number[][]): Enrolment => ({
  person,
  images: embeddings.map((embedding) => ({ embedding })),
});
const names = (found: readonly (readonly { person: string }[])[]) => found.map((some) => some.map((one) => one.person));

describe('openGallery', () => {
  it('finds whom it was given, the most alike first, and after it was opened again', async () => {
    const storage = memoryStorage();
    const gallery = await open(storage);
    expect(await gallery.enrol([person('Ada', x), person('Bo', y, z)])).toEqual({
      added: 3,
      replaced: 0,
      unchanged: 0,
    });
    const query = Float32Array.of(1, 0.5, 0.1, 0, 0.1, 7);
    const check = async (one: typeof gallery) => {
      const { results, thresholds } = await one.identify(query);
      expect(names(results)).toEqual([
        ['Ada', 'Bo'],
        ['Bo', 'Ada'],
      ]);
      expect(thresholds).toBeUndefined();
      expect(results[0]![0]!.answer).toBeUndefined();
      expect(results[0]![0]!.score).toBeCloseTo(1 / Math.hypot(1, 0.5, 0.1), 6);
      // The mean of y and z.
      expect(results[1]![0]!.score).toBeCloseTo(7.1 / Math.hypot(0.1, 7) / Math.SQRT2, 6);
      const best = await one.identify(query, { template: 'best', top: 1 });
      expect(best.results[1]![0]!.score).toBeCloseTo(7 / Math.hypot(0.1, 7), 6);
      expect(names(best.results)).toEqual([['Ada'], ['Bo']]);
      expect([one.people, one.images]).toEqual([2, 3]);
      expect(one.list()).toEqual([
        { person: 'Ada', images: ['1'] },
        { person: 'Bo', images: ['1', '2'] },
      ]);
      expect((await one.verify('Bo', Float32Array.of(0, 2, 0))).results).toEqual([
        [{ person: 'Bo', score: expect.closeTo(Math.SQRT1_2, 6) }],
      ]);
      expect((await one.verify('Bo', Float32Array.of(0, 2, 0), { template: 'best' })).results[0]![0]!.score).toBe(1);
    };
    await check(gallery);
    await gallery.close();
    await check(await open(memoryStorage(storage.bytes())));
    await check(await openGallery(memoryStorage(storage.bytes())));
  });

  it('is empty at first, and says so of what it does not have', async () => {
    const gallery = await open();
    expect((await gallery.identify(Float32Array.from(x))).results).toEqual([[]]);
    await expect(gallery.verify('Ada', Float32Array.from(x))).rejects.toThrow(
      'the person is "Ada", expected one of the 0',
    );
    await expect(gallery.remove('Ada')).rejects.toThrow('the person is "Ada"');
    await expect(openGallery(memoryStorage())).rejects.toThrow('gallery in memory is "missing or empty"');
    await gallery.close();
    await expect(gallery.enrol([person('Ada', x)])).rejects.toThrow('the gallery is "closed"');
    await gallery.close();
  });

  it('replaces images by their name, writes nothing that is there, and forgets what is removed', async () => {
    const storage = memoryStorage();
    const gallery = await open(storage);
    const ada = (image: string, embedding: number[]) => [{ person: 'Ada', images: [{ image, embedding }] }];
    await gallery.enrol([...ada('a.jpg', x), person('Bo', y)]);
    const before = storage.bytes().length;
    expect(await gallery.enrol(ada('a.jpg', x))).toEqual({ added: 0, replaced: 0, unchanged: 1 });
    expect(storage.bytes().length).toBe(before);
    expect(await gallery.enrol(ada('a.jpg', z))).toEqual({ added: 0, replaced: 1, unchanged: 0 });
    expect(await gallery.enrol(ada('b.jpg', x))).toEqual({ added: 1, replaced: 0, unchanged: 0 });
    expect((await gallery.identify(Float32Array.from(z), { top: 1 })).results[0]![0]).toMatchObject({ person: 'Ada' });
    await expect(gallery.remove('Ada', 'c.jpg')).rejects.toThrow('expected one of a.jpg, b.jpg');
    expect(await gallery.remove('Ada', 'a.jpg')).toBe(1);
    expect((await gallery.identify(Float32Array.from(x), { top: 1 })).results[0]![0]).toEqual({
      person: 'Ada',
      score: 1,
    });
    expect(await gallery.remove('Bo')).toBe(1);
    expect(gallery.find('Bo')).toBeUndefined();
    const again = await openGallery(memoryStorage(storage.bytes()), { model });
    expect(again.list()).toEqual([{ person: 'Ada', images: ['b.jpg'] }]);
    const holds = (text: string) => Buffer.from(storage.bytes()).includes(text);
    expect(holds('Bo')).toBe(true);
    await gallery.compact();
    expect(holds('Bo')).toBe(false);
    expect(await gallery.remove('Ada')).toBe(1);
    await gallery.close();
    expect(holds('Ada')).toBe(false);
    expect((await openGallery(memoryStorage(storage.bytes()))).people).toBe(0);
  });

  it('refuses a gallery of another encoder, and names both', async () => {
    const storage = memoryStorage();
    await (await open(storage)).close();
    const other = { model: { name: 'other', fingerprint: 'b2' } };
    await expect(open(storage, other)).rejects.toThrow(
      'the model is "other (b2)", expected encoder (a1), whose embeddings the gallery holds',
    );
    await expect(open(storage, { width: 4 })).rejects.toThrow('width is 4, expected 3');
    await expect(open(storage, { template: 'best' })).rejects.toThrow('template is "best", expected mean');
    await expect(open(storage, { templat: 'best' } as never)).rejects.toThrow('Did you mean "template"?');
    // The name is for people: an encoder may have been moved.
    await (await open(storage, { model: { ...model, name: 'moved' } })).close();
  });

  it('refuses embeddings that are none, and writes nothing of such a call', async () => {
    const storage = memoryStorage();
    const gallery = await open(storage);
    const before = storage.bytes();
    const refused = async (one: Enrolment, message: string) =>
      expect(gallery.enrol([person('Cy', x), one])).rejects.toThrow(message);
    await refused(person('Ada', [1, 2]), 'the embedding of 1 of Ada is "2 numbers", expected 3');
    await refused(person('Ada', [0, 0, 0]), 'the embedding of 1 of Ada is "zeros, or not finite"');
    await refused(person('Ada', [1, Number.NaN, 0]), 'the embedding of 1 of Ada is "zeros, or not finite"');
    await refused(person('', x), 'the person is ""');
    await refused(person('a\ud800', x), 'the person is');
    await refused(person('Cy', x), 'people is "Cy twice"');
    const image = { image: 'a.jpg', embedding: x };
    await refused({ person: 'Ada', images: [image, image] }, 'the images of Ada is "a.jpg twice"');
    await gallery.enrol([{ person: 'Eve', images: [image] }]);
    await refused({ person: 'Eve', images: [image, image] }, 'the images of Eve is "a.jpg twice"');
    await gallery.remove('Eve');
    await gallery.compact();
    await expect(gallery.identify(new Float32Array(4))).rejects.toThrow('length of queries is 4');
    await expect(gallery.identify(new Float32Array(3))).rejects.toThrow('the embedding of query 0');
    await expect(gallery.identify(Float32Array.from(x), { top: 0 })).rejects.toThrow('top is 0');
    expect(storage.bytes()).toEqual(before);
    expect(gallery.people).toBe(0);
  });

  it('carries out calls that overlap one after the other', async () => {
    const gallery = await open();
    const calls = Array.from({ length: 20 }, (_, i) => gallery.enrol([person('Ada', [1, i, 0])]));
    await Promise.all(calls);
    expect(gallery.find('Ada')!.images).toEqual(Array.from({ length: 20 }, (_, i) => `${i + 1}`));
  });
});

describe('search', () => {
  it('is that of a plain loop, whatever was replaced and removed before', async () => {
    const random = new Random(3);
    const width = 8;
    const vector = () => Float32Array.from({ length: width }, () => random.normal());
    const exact = await openGallery(memoryStorage(), { width, model });
    const graph = await openGallery(memoryStorage(), { width, model, approximateFrom: 10 });
    const people = new Map<string, Map<string, Float32Array>>();
    for (let step = 0; step < 300; step++) {
      const [person, image] = [`p${random.below(40)}`, `${random.below(4)}`];
      const images = people.get(person);
      if (random.below(4) === 0 && images) {
        const one = images.has(image) && images.size > 1 ? image : undefined;
        for (const gallery of [exact, graph]) await gallery.remove(person, one);
        if (one === undefined) people.delete(person);
        else images.delete(one);
      } else {
        const embedding = vector();
        for (const gallery of [exact, graph]) await gallery.enrol([{ person, images: [{ image, embedding }] }]);
        people.set(person, (images ?? new Map()).set(image, embedding));
      }
      if (step % 20 !== 19) continue;
      const query = vector();
      const unit = (v: Float32Array) => v.map((value) => value / Math.hypot(...v));
      const cosine = (v: Float32Array) => unit(v).reduce((sum, value, i) => sum + value * unit(query)[i]!, 0);
      for (const template of ['mean', 'best'] as const) {
        const scored = Array.from(people, ([person, some]) => {
          const units = Array.from(some.values(), unit);
          const mean = unit(query).map((_, i) => units.reduce((sum, one) => sum + one[i]!, 0));
          return { person, score: template === 'mean' ? cosine(mean) : Math.max(...units.map(cosine)) };
        }).sort((a, b) => b.score - a.score);
        for (const gallery of [exact, graph]) {
          const { results } = await gallery.identify(query, { top: 5, template });
          expect(names(results)[0]).toEqual(scored.slice(0, 5).map((one) => one.person));
          for (const [i, { score }] of results[0]!.entries()) expect(score).toBeCloseTo(scored[i]!.score, 5);
        }
      }
    }
  });
});

describe('search by a graph', () => {
  const rows = new Rows<RowOwner>(1);
  for (let i = 0; i < 3; i++) rows.put({ row: -1 }, Float32Array.of(i));
  const finding = (...found: readonly number[]) => {
    const search = () => ({ rows: Uint32Array.from(found), scores: new Float32Array(3), k: 3 });
    rows.index = { search } as never;
    return searchRows(rows, Float32Array.of(1), 2, { approximateFrom: 1 });
  };
  const missing = 2 ** 32 - 1;

  it('takes as many rows as are wanted, though it finds fewer than it asks for', async () => {
    expect(await finding(1, 2, missing)).toEqual({ rows: Uint32Array.of(2, 1), scores: Float32Array.of(2, 1) });
  });

  it('refuses fewer than are wanted, and says what helps', async () => {
    await expect(finding(1, missing, missing)).rejects.toThrow(
      'rows found for query 0 is 1, expected at least 2 of 3. Open the gallery without approximateFrom',
    );
  });
});

it('verifies a person of any number of images', async () => {
  const gallery = await open();
  const images = Array.from({ length: 130_000 }, (_, i) => ({ embedding: i === 7 ? x : y }));
  await gallery.enrol([{ person: 'Ada', images }]);
  const { results } = await gallery.verify('Ada', Float32Array.from(x), { template: 'best' });
  expect(results[0]![0]).toEqual({ person: 'Ada', score: 1 });
});

describe('bytes of a gallery', () => {
  async function made() {
    const storage = memoryStorage();
    const gallery = await open(storage);
    for (let i = 0; i < 5; i++) await gallery.enrol([person(`p${i}`, [1, i, 0], [i, 0, 1])]);
    return storage.bytes();
  }

  it('are read as far as they go where a write was cut off, and gone on with', async () => {
    const bytes = await made();
    const ends: number[] = [];
    const seen = new Set<number>();
    for (let length = 120; length <= bytes.length; length++) {
      const storage = memoryStorage(bytes.subarray(0, length));
      const gallery = await open(storage).catch((error: Error) => error.message);
      // Within the first record nothing says that it is a gallery: whatever it is, it is not written over.
      if (typeof gallery === 'string') {
        expect(gallery).toContain('gallery in memory is "something else", expected a gallery');
        expect(storage.bytes().length).toBe(length);
        continue;
      }
      for (const { images } of gallery.list()) expect(images).toEqual(['1', '2']);
      if (gallery.notes.length === 0) ends.push(length);
      seen.add(gallery.people);
      const { people } = gallery;
      await gallery.enrol([person('new', z)]);
      expect((await open(memoryStorage(storage.bytes()))).people).toBe(people + 1);
    }
    expect([...seen]).toEqual([0, 1, 2, 3, 4, 5]);
    expect(ends).toHaveLength(6);
    // Zeros, which a power cut may leave.
    const zeros = new Uint8Array(bytes.length + 5000);
    zeros.set(bytes);
    const gallery = await open(memoryStorage(zeros));
    expect([gallery.people, gallery.notes.length]).toEqual([5, 1]);
    await expect(open(memoryStorage(new Uint8Array(100)))).rejects.toThrow('expected a gallery');
  });

  it('hold one person in as many records as it takes to read each again', async () => {
    const storage = memoryStorage();
    const gallery = await open(storage);
    const records = async () => {
      let count = -1;
      for await (const _ of readTfRecords(storage.read(), 'gallery', MOST_BYTES)) count++;
      return count;
    };
    const images = Array.from({ length: 1025 }, (_, i) => ({ image: `${i}`, embedding: [1, i, 0] }));
    await gallery.enrol([{ person: 'Ada', images }]);
    expect(await records()).toBe(1);
    // A kill leaves all of them or none.
    const cut = await open(memoryStorage(storage.bytes().slice(0, -5)));
    expect([cut.people, cut.images]).toEqual([0, 0]);
    await gallery.remove('Ada', '7');
    await gallery.close();
    expect((await open(memoryStorage(storage.bytes()))).images).toBe(1024);
    const wide = Array.from({ length: 600 }, (_, i) => [`${i}`, new Float32Array(65_536)] as const);
    const entries = [...enrolEntries('Ada', wide)];
    expect(entries.flatMap((entry) => entry.images)).toEqual(wide.map(([name]) => name));
    expect(entries.length).toBe(2);
    for (const entry of entries) expect(encodeEntry(entry).length).toBeLessThan(MOST_BYTES);
  });

  it('are refused with the place when a bit is flipped anywhere', async () => {
    const bytes = await made();
    for (let i = 0; i < bytes.length; i += 7) {
      const flipped = bytes.slice();
      flipped[i]! ^= 1 << (i % 8);
      await expect(open(memoryStorage(flipped))).rejects.toThrow(/at byte \d+|expected a gallery/);
    }
  });

  it('are refused when they are damaged, without a crash', fuzzTimeout, async () => {
    const bytes = await made();
    await fuzz('gallery', (random) => open(memoryStorage(damage(bytes, random))));
  });
});
