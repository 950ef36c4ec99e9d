import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Random } from '@protomem/core';
import { chromium } from '@protomem/core/testing';
import { build } from 'esbuild';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GalleryPage } from '../fixtures/gallery-page.ts';
import { indexedDbStorage } from './indexed-db-storage.ts';

// What is inside `evaluate` runs in the page, which has it under this name.
declare const page: GalleryPage;

const script = fileURLToPath(new URL('../fixtures/gallery-page.ts', import.meta.url));

it('says what Node takes in its place', async () => {
  await expect(indexedDbStorage('people')).rejects.toThrow('IndexedDB is "missing", expected a browser');
});

if (!chromium) console.log('no gallery is kept in a browser: no Chromium here; PROTOMEM_CHROMIUM names one');

describe.skipIf(!chromium)('indexedDbStorage', () => {
  let profile: string;
  let html: string;
  let browser: Browser;
  const launch = () =>
    puppeteer.launch({
      executablePath: chromium!,
      userDataDir: profile,
      args: ['--no-sandbox', '--disable-gpu'],
    });
  beforeAll(async () => {
    profile = await mkdtemp(join(tmpdir(), 'protomem-indexed-db-'));
    const { outputFiles } = await build({
      entryPoints: [script],
      ...{ bundle: true, format: 'esm', write: false, conditions: ['@protomem/source'], charset: 'ascii' },
    });
    const code = outputFiles[0]!.text.replaceAll('</script', '<\\/script');
    html = `<!doctype html><meta charset="utf-8"><script type="module">${code}</script>`;
    browser = await launch();
  });
  afterAll(async () => {
    await browser.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });

  /** A tab with the page, of an origin that nobody else answers for. */
  async function newTab(origin = 'https://gallery.test/'): Promise<Page> {
    const tab = await browser.newPage();
    await tab.setRequestInterception(true);
    tab.on('request', (request) => void request.respond({ contentType: 'text/html', body: html }));
    await tab.goto(origin);
    return tab;
  }

  it('has everybody, with their answers, when the page is loaded again, and refuses another encoder', async () => {
    const tab = await newTab();
    const before = await tab.evaluate(async () => {
      const gallery = await page.open('people');
      const unit = (i: number) => Array.from({ length: 16 }, (_, at) => Number(at === i));
      await gallery.enrol([
        { person: 'Ada', images: [{ embedding: unit(0) }, { embedding: unit(1) }] },
        { person: 'Bo', images: [{ embedding: unit(2) }] },
        { person: 'Cy', images: [{ embedding: unit(3) }] },
      ]);
      const scores = Array.from({ length: 2000 }, (_, i) => (i % 2 ? 0.9 + i / 20_000 : i / 4000));
      const labels = scores.map((_, i) => i % 2);
      await gallery.calibrate(page.calibrationFromScores(scores, labels, 'made up'));
      await gallery.remove('Cy');
      return { notes: gallery.notes };
    });
    expect(before.notes).toEqual([
      'people: the browser may remove it when space runs out, until navigator.storage.persist() is granted',
    ]);
    await tab.reload();
    const after = await tab.evaluate(async () => {
      const gallery = await page.open('people');
      const { results } = await gallery.identify(
        Float32Array.from({ length: 16 }, (_, at) => Number(at === 2)),
        { top: 2 },
      );
      const refused = await page.open('people', 'g').catch((error: Error) => error.message);
      return { list: gallery.list(), results, refused };
    });
    expect(after.list).toEqual([
      { person: 'Ada', images: ['1', '2'] },
      { person: 'Bo', images: ['1'] },
    ]);
    expect(after.results).toEqual([
      [
        { person: 'Bo', score: 1, answer: 'same' },
        { person: 'Ada', score: 0, answer: 'no' },
      ],
    ]);
    expect(after.refused).toContain('the model is "m (g)", expected m (f), whose embeddings the gallery holds');
    await tab.close();
  });

  it('refuses a tab that would write onto what another has changed, and nothing of either is lost', async () => {
    const [one, two] = [await newTab(), await newTab()];
    const enrol = (tab: Page, person: string) =>
      tab.evaluate(async (person) => {
        const own = globalThis as unknown as { gallery?: Awaited<ReturnType<GalleryPage['open']>> };
        own.gallery ??= await page.open('tabs');
        const images = [{ embedding: new Float32Array(16).fill(1) }];
        const refused = await own.gallery.enrol([{ person, images }]).then(
          () => undefined,
          (error: Error) => error.message,
        );
        if (refused !== undefined) own.gallery = undefined;
        return { people: own.gallery?.list().map((one) => one.person), refused };
      }, person);
    expect(await enrol(one, 'Ada')).toEqual({ people: ['Ada'] });
    expect(await enrol(two, 'Bo')).toEqual({ people: ['Ada', 'Bo'] });
    expect((await enrol(one, 'Cy')).refused).toContain(
      'tabs is "changed by another tab since it was opened here", expected the gallery that this page knows. Nothing was written: open',
    );
    expect(await enrol(one, 'Cy')).toEqual({ people: ['Ada', 'Bo', 'Cy'] });
    // What was written anew has other numbers, too.
    await two.evaluate(async () => {
      const gallery = await page.open('tabs');
      await gallery.remove('Bo');
      await gallery.close();
    });
    expect((await enrol(one, 'Dee')).refused).toContain('changed by another tab');
    expect(await enrol(one, 'Dee')).toEqual({ people: ['Ada', 'Cy', 'Dee'] });
    await Promise.all([one.close(), two.close()]);
  });

  it('makes nothing to read, takes no database of others, and lets its own be removed', async () => {
    const tab = await newTab();
    const said = await tab.evaluate(async () => {
      const { indexedDB } = globalThis as never as {
        indexedDB: {
          databases(): Promise<{ name: string }[]>;
          open(name: string): Record<string, unknown>;
          deleteDatabase(name: string): Record<string, unknown>;
        };
      };
      const success = (request: Record<string, unknown>): Promise<void> =>
        new Promise((resolve) => {
          request.onsuccess = () => resolve();
        });
      const refusal = (work: Promise<unknown>) => work.then(String, (error: Error) => error.message);
      const reading = async () => page.openGallery(await page.indexedDbStorage('none', { readOnly: true }));
      const none = await refusal(reading());
      await success(indexedDB.open('others'));
      const others = await refusal(page.open('others'));
      const gallery = await page.open('own');
      await success(indexedDB.deleteDatabase('own'));
      const images = [{ embedding: new Float32Array(16).fill(1) }];
      const removed = await refusal(gallery.enrol([{ person: 'Ada', images }]));
      return { none, others, removed, names: (await indexedDB.databases()).map(({ name }) => name) };
    });
    expect(said.none).toContain('none is "missing or empty", expected a gallery');
    expect(said.others).toContain('others is "something else", expected the database of a gallery');
    expect(said.removed).toContain('own is "not to be written (InvalidStateError');
    expect(said.names).not.toContain('none');
    expect(said.names).not.toContain('own');
    await tab.close();
  });

  it('keeps what it had when space runs out, and says so', async () => {
    // The browser asks seldom how much of an origin's space is left.
    const origin = 'https://full.test/';
    const tab = await newTab(origin);
    const client = await tab.createCDPSession();
    const small = Array.from({ length: 16 }, (_, i) => i + 1);
    const enrol = (person: string, count: number) =>
      tab.evaluate(
        async (person, count, embedding) => {
          const gallery = await page.open('full');
          const images = Array.from({ length: count }, () => ({ embedding }));
          const said = await gallery.enrol([{ person, images }]).then(
            () => '',
            (error: Error) => error.message,
          );
          return { said, people: gallery.list().map((one) => one.person) };
        },
        ...([person, count, small] as const),
      );
    await client.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1e5 });
    expect(await enrol('Ada', 1)).toEqual({ said: '', people: ['Ada'] });
    const { said, people } = await enrol('Bo', 60_000);
    expect(said).toMatch(/full is "not to be written \(QuotaExceededError.*Nothing of it was written: make space/);
    expect(people).toEqual(['Ada']);
    await client.send('Storage.overrideQuotaForOrigin', { origin });
    expect(await enrol('Cy', 1)).toEqual({ said: '', people: ['Ada', 'Cy'] });
    await tab.close();
  });

  it('loses nobody of whom it was said, whenever the page or the browser is killed', async () => {
    const random = new Random(Date.now());
    const rounds = ['page', 'browser'].map((killed) => ({ killed, after: 5 + random.below(40) }));
    const expected = new Set<string>();
    for (const [seed, { killed, after }] of rounds.entries()) {
      const told = JSON.stringify({ seed, killed, after });
      const tab = await newTab();
      let [said, last] = [0, ''];
      await new Promise<void>((resolve) => {
        const gone = () => resolve();
        tab.on('error', gone);
        browser.once('disconnected', gone);
        tab.on('console', (message) => {
          const text = message.text();
          last = text.slice(1);
          if (text.startsWith('+')) expected.add(last);
          else expected.delete(last);
          if (++said !== after) return;
          if (killed === 'browser') browser.process()!.kill('SIGKILL');
          else void tab.createCDPSession().then((client) => client.send('Page.crash').catch(() => undefined));
        });
        tab.evaluate((seed) => page.enrolUntilKilled('killed', seed), seed).catch(() => undefined);
      });
      if (killed === 'browser') browser = await launch();
      else await tab.close();
      const reader = await newTab();
      const list = await reader.evaluate(async () => (await page.open('killed')).list());
      const there = new Set(list.map(({ person }) => person));
      for (const person of expected) if (person !== last) expect(there, told).toContain(person);
      for (const { person, images } of list) expect(images.length, told).toBe(Number(person.split('-')[2]));
      expected.clear();
      for (const person of there) expected.add(person);
      await reader.close();
    }
    expect(expected.size).toBeGreaterThan(0);
  });
});
