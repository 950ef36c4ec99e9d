import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ImageBatch, ImageSource, Loader } from '@protomem/core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { paintedPeople } from '../../fixtures/painted-people.ts';
import { encode, noise, temporaryFolder, writePeople } from '../../fixtures/people-folder.ts';
import { createAugmentation } from '../augment/create-augmentation.ts';
import { decodeImage } from '../decode.ts';
import { folderSource } from '../formats/folder/folder-source.ts';
import { classesByImages } from '../samplers/classes-by-images.ts';
import { selectIdentities } from '../sources/select-identities.ts';
import { selectImages } from '../sources/select-images.ts';
import { createLoader } from './create-loader.ts';
import type { LoaderOptions } from './loader.ts';

const open: Loader[] = [];
afterEach(async () => {
  for (const loader of open.splice(0)) await loader.close();
});

function loaderOf(source: ImageSource, options: Partial<LoaderOptions> = {}): Loader {
  const sampler = classesByImages({ source, classes: 3, images: 2, seed: 5 });
  const loader = createLoader({ source, sampler, height: 12, width: 10, ...options });
  open.push(loader);
  return loader;
}
async function take(loader: Loader, count: number): Promise<ImageBatch[]> {
  const batches: ImageBatch[] = [];
  for (let i = 0; i < count; i++) batches.push(await loader.next());
  return batches;
}
/** A source made of another's functions, that no thread can be given. */
const ownSource = (source: ImageSource, change: Partial<ImageSource> = {}): ImageSource => {
  const { name, identities, imagesOf, identityName, load } = source;
  return { name, identities, imagesOf, identityName, load, ...change };
};

/** libvips may lose the words of an error when several images fail at a time. */
const withoutReasons = (batch: ImageBatch): unknown => ({ ...batch, skipped: batch.skipped.map(({ name }) => name) });

const augmentation = createAugmentation({
  crop: 0.3,
  shift: 0.1,
  zoom: 0.1,
  brightness: 0.2,
  blur: 0.3,
  downscale: 0.3,
  jpeg: 0.3,
  cutout: 0.5,
});
let dir: string;
let remove: () => Promise<void>;
let source: ImageSource;
beforeAll(async () => {
  ({ dir, remove } = await temporaryFolder());
  await writePeople(dir, [4, 1, 2, 3, 2, 5, 2]);
  source = await folderSource(dir);
});
afterAll(() => remove());

describe('createLoader', () => {
  it('delivers what the sampler planned', async () => {
    const plan = classesByImages({ source, classes: 3, images: 2, seed: 5 }).next();
    const loader = loaderOf(source);
    const { pixels, shape, labels, images, names, skipped } = await loader.next();
    expect([loader.batchSize, loader.batchesPerEpoch]).toEqual([6, 3]);
    expect(shape).toEqual([6, 12, 10, 3]);
    expect(Array.from(labels)).toEqual(plan.map(({ identity }) => identity));
    expect(Array.from(images!)).toEqual(plan.map(({ image }) => image));
    expect(names).toEqual(plan.map(({ identity, image }) => join(dir, `id${identity}`, `${image}.png`)));
    for (const [slot, { identity, image }] of plan.entries()) {
      expect(pixels.subarray(360 * slot, 360 * (slot + 1))).toEqual(noise(12, 10, identity, image));
    }
    expect(skipped).toEqual([]);
  });

  it('gives the same batches for any workers, prefetch and cache, and for a source of the caller', async () => {
    const expected = await take(loaderOf(source, { augmentation, workers: 0, prefetch: 0 }), 12);
    const variants: Partial<LoaderOptions>[] = [
      { workers: 1 },
      { workers: 3, prefetch: 7 },
      { workers: 0, prefetch: 3, cacheBytes: 3 * 360 },
      { workers: 1, prefetch: 1, cacheBytes: 1e6 },
      { workers: undefined, source: ownSource(source) },
      { workers: undefined, augmentation: { apply: augmentation.apply } },
      { workers: 1, source: { ...source, remarks: [] }, augmentation: { ...augmentation } },
    ];
    for (const variant of variants) {
      expect(await take(loaderOf(source, { augmentation, ...variant }), 12)).toEqual(expected);
    }
    expect(new Set(expected.map(({ pixels }) => pixels.join())).size).toBe(12);
  });

  it('uses copies of a source or an augmentation with functions of their own, in the thread that has these', async () => {
    const white = createAugmentation({ flip: 0 });
    const { pixels } = await loaderOf(source, {
      augmentation: { ...white, apply: ({ data }) => data.fill(255) },
    }).next();
    expect(pixels.every((value) => value === 255)).toBe(true);
    const first: ImageSource = { ...source, load: () => source.load(0, 0) };
    for (const copy of [first, selectIdentities(first), selectImages(first, (_, count) => [count - 1])]) {
      const { names } = await loaderOf(copy).next();
      expect(new Set(names)).toEqual(new Set([join(dir, 'id0', '0.png')]));
      expect(() => loaderOf(copy, { workers: 1 })).toThrow("is the caller's own object");
    }
  });

  it('refuses what a source draws or an augmentation returns at another size', async () => {
    const draws = (pixels: number) =>
      ownSource(source, { draw: async () => ({ name: 'drawn', pixels: new Uint8Array(pixels) }) });
    for (const size of [359, 361]) {
      const message = `loader: drawn, as ${source.name} draws it, is "${size} bytes", expected 12 x 10 x 3`;
      await expect(loaderOf(draws(size)).next()).rejects.toThrow(message);
      await expect(loaderOf(draws(size)).references!({ identities: [0], images: 1, seed: 1 })).rejects.toThrow(message);
      const other = { apply: () => new Uint8Array(size) };
      await expect(loaderOf(draws(360), { augmentation: other }).next()).rejects.toThrow(
        `loader: drawn of ${source.name}, as the augmentation returns it, is "${size} bytes"`,
      );
    }
    expect((await loaderOf(draws(360)).next()).pixels).toHaveLength(6 * 360);
  });

  it.each([0, 2])('resumes at any batch, %i workers', async (workers) => {
    const whole = await take(loaderOf(source, { augmentation, workers: 0 }), 12);
    for (const at of [0, 5]) {
      const first = loaderOf(source, { augmentation, workers });
      await take(first, at);
      const saved = JSON.parse(JSON.stringify(await first.state()));
      // Restoring drops what another loader has fetched ahead.
      const second = loaderOf(source, { augmentation, workers, prefetch: 3 });
      await take(second, 2);
      await second.restore(saved);
      expect(await second.state()).toEqual(saved);
      expect(await take(second, 12 - at)).toEqual(whole.slice(at));
    }
  });

  it('decodes JPEG files of its size, many at a time, as one at a time', async () => {
    const folder = await temporaryFolder();
    for (let identity = 0; identity < 4; identity++) {
      await mkdir(join(folder.dir, `${identity}`));
      for (let image = 0; image < 6; image++) {
        const bytes = await encode(noise(32, 24, identity, image), 32, 24, 'jpeg');
        await writeFile(join(folder.dir, `${identity}`, `${image}.jpg`), bytes);
      }
    }
    const faces = await folderSource(folder.dir);
    const { pixels, names } = await loaderOf(faces, { height: 32, width: 24, workers: 2 }).next();
    for (const [slot, name] of names.entries()) {
      const alone = await decodeImage(await readFile(name), { height: 32, width: 24 });
      expect(Array.from(pixels.subarray(2304 * slot, 2304 * (slot + 1)))).toEqual(Array.from(alone));
    }
    await folder.remove();
  });

  it('answers calls that do not wait for each other in order', async () => {
    const expected = await take(loaderOf(source, { workers: 0 }), 4);
    const loader = loaderOf(source);
    expect(await Promise.all(Array.from({ length: 4 }, () => loader.next()))).toEqual(expected);
  });

  it('opens a source of the caller in threads, by its spec', async () => {
    const faces = paintedPeople({ identities: 1e9, imagesPerIdentity: 1e6, seed: 1 });
    const here = await take(loaderOf(faces, { augmentation, workers: 0, height: 32, width: 32 }), 3);
    expect(await take(loaderOf(faces, { augmentation, workers: 1, height: 32, width: 32 }), 3)).toEqual(here);
  });

  it('holds back: no image is read beyond `prefetch` batches', async () => {
    let loads = 0;
    const counting = ownSource(source, {
      identities: 1000,
      imagesOf: () => 10,
      load: async (identity, image) => {
        loads++;
        return { name: `${identity}/${image}`, bytes: await encode(noise(12, 10, identity, image), 12, 10, 'png') };
      },
    });
    const loader = loaderOf(counting, { prefetch: 2 });
    const idle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));
    await idle();
    expect(loads).toBe(0);
    for (let delivered = 1; delivered <= 3; delivered++) {
      await loader.next();
      await idle();
      expect(loads).toBe(6 * (delivered + 2));
    }
  });

  it('goes on reading while the main thread is blocked, up to `prefetch` batches', async () => {
    const folder = await temporaryFolder();
    // Far more images than are read at a time, so that a thread that stands still cannot have read them all before.
    const people = [24, 24, 24, 24];
    await writePeople(folder.dir, people);
    const blocked = async (workers: number): Promise<number> => {
      const copy = await folderSource(folder.dir);
      const sampler = classesByImages({ source: copy, classes: 4, images: 4 });
      const loader = createLoader({ source: copy, sampler, height: 12, width: 10, prefetch: 5, workers });
      open.push(loader);
      await loader.next();
      // No promise of this thread moves between here and the loss of all files.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
      rmSync(folder.dir, { recursive: true });
      let whole = 0;
      while ((await loader.next().catch(() => undefined))?.skipped.length === 0) whole++;
      return whole;
    };
    expect(await blocked(1)).toBe(5);
    await writePeople(folder.dir, people);
    // The same without a thread, to see that this test can fail.
    expect(await blocked(0)).toBeLessThan(5);
    await folder.remove();
  });

  it('refuses to send to threads what cannot be sent, and says what can be done', () => {
    expect(() => loaderOf(ownSource(source), { workers: 1 })).toThrow(
      /createLoader: workers is 1, expected 0: the source .* is the caller's own object/,
    );
    expect(() => loaderOf(source, { workers: 1, augmentation: { apply: augmentation.apply } })).toThrow(
      'workers is 1, expected 0: this augmentation',
    );
    expect(() => loaderOf(source, { prefetch: -1 })).toThrow('createLoader: prefetch is -1');
  });

  it.each(['close', 'close while busy', 'forget', 'broken'])(
    'lets a program finish, never too early: %s',
    async (ending) => {
      const script = fileURLToPath(new URL('../../fixtures/finish.ts', import.meta.url));
      const node = ['--import', 'tsx', '--conditions=@protomem/source', script, dir, ending];
      const { stdout } = await promisify(execFile)(process.execPath, node);
      expect(stdout).toBe('end reached\n');
    },
  );

  it('stops when closed', async () => {
    for (const workers of [0, 1]) {
      const loader = loaderOf(source, { workers });
      await loader.next();
      const state = await loader.state();
      const pending = loader.next().catch(() => undefined);
      await loader.close();
      await loader.close();
      await pending;
      await expect(loader.next()).rejects.toThrow('loader.next: the loader is "closed"');
      expect(state).toEqual(await loader.state());
    }
  });
});

describe('references', () => {
  it('are the images of named identities, not augmented, the same for the same request, and move nothing', async () => {
    const request = { identities: [2, 0], images: 2, seed: 9 };
    const loader = loaderOf(source, { augmentation, workers: 0 });
    const [first] = await take(loader, 1);
    const found = await loader.references!(request);
    expect([...found.labels]).toEqual([2, 2, 0, 0]);
    expect(found.shape).toEqual([4, 12, 10, 3]);
    expect(found.skipped).toEqual([]);
    for (const [i, label] of found.labels.entries()) {
      const { bytes, name } = await source.load(label, found.images![i]!);
      expect(found.names[i]).toBe(name);
      const pixels = await decodeImage(bytes, { height: 12, width: 10 });
      expect(found.pixels.subarray(360 * i, 360 * (i + 1))).toEqual(new Uint8Array(pixels));
    }
    expect(new Set(found.names).size).toBe(4);
    expect(await loader.references!(request)).toEqual(found);
    const some = selectImages(source, (identity, count) =>
      identity === 0 ? [] : Array.from({ length: count }, (_, i) => i),
    );
    const without = await loaderOf(some).references!({ ...request, identities: [0, 1] });
    expect([...without.labels]).toEqual([1]);
    expect(await loaderOf(source, { prefetch: 0 }).references!(request)).toEqual(found);
    const others = await Promise.all([1, 2, 3, 4].map((seed) => loader.references!({ ...request, seed })));
    expect(new Set(others.map(({ names }) => names.join())).size).toBeGreaterThan(1);
    expect([first, ...(await take(loader, 2))]).toEqual(await take(loaderOf(source, { augmentation, workers: 0 }), 3));
  });

  it('that cannot be read give way to others of their identity, or to nobody', async () => {
    const folder = await temporaryFolder();
    await writePeople(folder.dir, [3, 2, 2]);
    const faulty = await folderSource(folder.dir);
    const nameOf = async (identity: number, image: number) => (await faulty.load(identity, image)).name;
    for (const name of [await nameOf(1, 0), await nameOf(1, 1)]) rmSync(name);
    await writeFile(await nameOf(0, 1), 'no image');
    const found = await loaderOf(faulty).references!({ identities: [0, 1], images: 3, seed: 1 });
    expect([...found.labels]).toEqual([0, 0]);
    expect(found.skipped.length).toBe(3);
    const two = await loaderOf(faulty).references!({ identities: [0], images: 2, seed: 1 });
    expect([...two.labels]).toEqual([0, 0]);
    await folder.remove();
  });
});

describe('images that cannot be read', () => {
  it('are replaced by another of the same identity, named, reported once, and tried again in the next pass', async () => {
    const folder = await temporaryFolder();
    await writePeople(folder.dir, [4, 4, 4, 4]);
    const cut = (await encode(noise(64, 64, 1), 64, 64, 'jpeg')).subarray(0, 2000);
    const bad = [join(folder.dir, 'id0', '4.jpg'), join(folder.dir, 'id1', '4.jpg'), join(folder.dir, 'id2', '4.png')];
    await writeFile(bad[0]!, cut);
    await writeFile(bad[1]!, 'this is a text');
    await mkdir(bad[2]!);
    await rename(bad[2]!, join(folder.dir, 'aside'));
    await writeFile(bad[2]!, '');
    const faulty = await folderSource(folder.dir);

    const reads = new Map<string, number>();
    const counting = ownSource(faulty, {
      load: async (identity, image) => {
        const loaded = await faulty.load(identity, image);
        reads.set(loaded.name, (reads.get(loaded.name) ?? 0) + 1);
        return loaded;
      },
    });
    const told: { name: string; reason: string }[] = [];
    const options = { augmentation, onSkip: (skipped: { name: string; reason: string }) => told.push(skipped) };
    const batches = await take(loaderOf(counting, options), 30);
    expect(told.map(({ name }) => name).sort()).toEqual(bad);
    expect(told.find(({ name }) => name === bad[0])!.reason).toContain('premature end of JPEG image');
    expect(told.find(({ name }) => name === bad[1])!.reason).toContain('unsupported image format');
    // 2 batches are a pass; some of them are fetched ahead.
    const passes = Math.ceil(34 / loaderOf(counting, options).batchesPerEpoch);
    for (const name of bad) expect(reads.get(name)).toBeLessThanOrEqual(passes);
    for (const { labels, names } of batches) {
      for (let slot = 0; slot < 6; slot++) expect(names[slot]).toContain(`${join(folder.dir, `id${labels[slot]}`)}/`);
      // Two images of each of three identities, no image twice.
      expect(new Set(labels).size).toBe(3);
      expect(new Set(names).size).toBe(6);
    }
    const skipped = batches.flatMap((batch) => batch.skipped);
    expect(skipped.length).toBeGreaterThan(bad.length);
    expect((await take(loaderOf(faulty, { augmentation, workers: 2 }), 30)).map(withoutReasons)).toEqual(
      batches.map(withoutReasons),
    );
    await folder.remove();
  });

  it('are replaced by another identity when theirs has no other', async () => {
    const folder = await temporaryFolder();
    await writePeople(folder.dir, [2, 2, 2, 2, 2, 2]);
    for (const image of [0, 1]) await writeFile(join(folder.dir, 'id3', `${image}.png`), 'text');
    const faulty = await folderSource(folder.dir);
    const batches = await take(loaderOf(faulty, { workers: 0 }), 10);
    expect(batches.some(({ skipped }) => skipped.length > 0)).toBe(true);
    for (const { labels, names } of batches) {
      expect(labels.includes(3)).toBe(false);
      // A stranger takes both places, so that there are still three identities with two images each.
      expect(new Set(labels).size).toBe(3);
      expect(new Set(names).size).toBe(6);
    }
    expect((await take(loaderOf(faulty, { workers: 1 }), 10)).map(withoutReasons)).toEqual(batches.map(withoutReasons));
    await folder.remove();
  });

  it.each([0, 1])('end a run only when nothing can be read, %i workers', async (workers) => {
    const folder = await temporaryFolder();
    await writePeople(folder.dir, [2, 2, 2]);
    for (const identity of [0, 1, 2]) {
      for (const image of [0, 1]) await writeFile(join(folder.dir, `id${identity}`, `${image}.png`), 'text');
    }
    const loader = loaderOf(await folderSource(folder.dir), { workers });
    await expect(loader.next()).rejects.toThrow(
      /loader: 6 image\(s\) of .* is "unreadable \(.*unsupported image format/,
    );
    await folder.remove();
  });

  it('are tried again after a pause, when their read failed', async () => {
    const tries = new Map<string, number>();
    const flaky = ownSource(source, {
      load: (identity, image) => {
        const key = `${identity}/${image}`;
        tries.set(key, (tries.get(key) ?? 0) + 1);
        return tries.get(key)! < 3 ? Promise.reject(new Error('ESTALE: stale handle')) : source.load(identity, image);
      },
    });
    const batches = await take(loaderOf(flaky, { augmentation, retries: 2, prefetch: 0, cacheBytes: 1e6 }), 2);
    expect(batches).toEqual(await take(loaderOf(source, { augmentation }), 2));
    expect(new Set(tries.values())).toEqual(new Set([3]));
  });

  it.each([0, 1])(
    'stop a run when more of them are missing than may be, and are read again when back, %i workers',
    async (workers) => {
      const folder = await temporaryFolder();
      await writePeople(folder.dir, [2, 2, 2, 2, 2, 2]);
      const people = await folderSource(folder.dir);
      const away = join(folder.dir, 'id3');
      const options = { workers, retries: 0, prefetch: 0, augmentation };
      const whole = await take(loaderOf(people, options), 6);
      await rename(away, `${away}-away`);
      await expect(take(loaderOf(people, options), 2)).rejects.toThrow(
        /images of .* that could not be read is "\d of the 12 of this pass, the last .*id3.*ENOENT.*, expected at most 1 %/,
      );
      // Two of twelve are a sixth.
      await take(loaderOf(people, { ...options, maxMissing: 0.17 }), 6);
      const loader = loaderOf(people, { ...options, maxMissing: 0.17 });
      const first = await take(loader, 2);
      expect(first.flatMap(({ skipped }) => skipped).map(({ missing }) => missing)).toEqual([true, true]);
      await rename(`${away}-away`, away);
      expect(await take(loader, 4)).toEqual(whole.slice(2));
      await folder.remove();
    },
  );

  it('stop it again by a batch that misses none, and count anew when it is restored', async () => {
    const [first] = await take(loaderOf(source, { workers: 0 }), 1);
    const lost = ownSource(source, {
      load: async (identity, image) => {
        const loaded = await source.load(identity, image);
        return loaded.name === first!.names[0] ? Promise.reject(new Error('gone')) : loaded;
      },
    });
    // One file is let pass, unless none is.
    expect((await loaderOf(lost, { retries: 0, prefetch: 0 }).next()).skipped).toHaveLength(1);
    const stopped = loaderOf(lost, { retries: 0, prefetch: 0, maxMissing: 0 });
    const message = /is "1 of the 18 of this pass, the last .*#id\d\/\d \(gone\)", expected at most 0 %/;
    for (let i = 0; i < 2; i++) await expect(stopped.next()).rejects.toThrow(message);
    const loader = loaderOf(lost, { retries: 0, maxMissing: 1 / 18 });
    const state = await loader.state();
    const batch = await loader.next();
    expect(batch.skipped).toHaveLength(1);
    await loader.restore(state);
    expect(await loader.next()).toEqual(batch);
  });

  it('are replaced by nobody who has no image', async () => {
    const [first] = await take(loaderOf(source, { workers: 0 }), 1);
    const { load } = source;
    const alone = ownSource(source, {
      // Who is in the batch has one image, that cannot be read; of the others one has any.
      imagesOf: (identity) => (first!.labels.includes(identity) ? 1 : Number(identity === stranger)),
      load: (identity) => (identity === stranger ? load(identity, 0) : Promise.reject(new Error('gone'))),
    });
    const stranger = [0, 1, 2, 3, 4, 5, 6].find((identity) => !first!.labels.includes(identity));
    const sampler = { ...classesByImages({ source, classes: 3, images: 2 }), next: () => plan };
    const plan = Array.from(first!.labels, (identity) => ({ identity, image: 0, seed: 1 }));
    const loader = loaderOf(alone, { sampler, retries: 0, maxMissing: 1, prefetch: 0 });
    expect([...(await loader.next()).labels]).toEqual(new Array(6).fill(stranger));
  });

  it('are named by source, identity and number when the source does not name them', async () => {
    const nameless = ownSource(source, {
      load: (identity, image) => (identity === 0 ? Promise.reject(new Error('no')) : source.load(identity, image)),
    });
    const batches = await take(loaderOf(nameless, { retries: 0, maxMissing: 1 }), 6);
    const skipped = batches.flatMap((batch) => batch.skipped);
    expect(skipped[0]).toEqual({ name: expect.stringMatching(/#id0\/[0-3]$/), reason: 'no', missing: true });
  });
});
