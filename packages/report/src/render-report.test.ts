import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { madeUpRun } from '../fixtures/made-up-run.ts';
import { renderReport } from './render-report.ts';
import type { ReportData, ReportHead } from './report-data.ts';

const jpeg = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#875' } })
  .jpeg()
  .toBuffer();
const face = (): Uint8Array => jpeg;
const svgs = (page: string): string[] => page.match(/<svg role="img"[\s\S]*?<\/svg>/g) ?? [];
const titles = (page: string): string[] => [...page.matchAll(/<h2>(.*?)<\/h2>/g)].map((match) => match[1]!);

/** A head that has nothing but what it must have. */
function bare(head: ReportHead): ReportHead {
  return { name: head.name, seconds: 3, imagesPerSecond: 20, steps: [] };
}

describe('renderReport', () => {
  let one: string;
  let two: string;
  beforeAll(async () => {
    one = await renderReport(madeUpRun(1, face));
    two = await renderReport(madeUpRun(2, face));
  });

  it('needs nothing from outside and runs nothing', () => {
    const references = two.match(/[a-z]+:\/\/[^"' )]*/g) ?? [];
    expect(new Set(references)).toEqual(new Set(['http://www.w3.org/2000/svg']));
    expect(two).not.toMatch(/<script|<iframe|<object|@import|javascript:| on[a-z]+="/i);
    for (const [, target] of two.matchAll(/(?:src|href)="([^"]*)"/g)) expect(target).toMatch(/^data:/);
    for (const [, target] of two.matchAll(/url\(([^)]*)\)/g)) expect(target).toMatch(/^#/);
  });

  it('closes every element it opens', () => {
    const open: string[] = [];
    const alone = new Set(['meta', 'link', 'img', 'br']);
    for (const [, end, name, self] of two.matchAll(/<(\/?)([a-zA-Z][\w]*)(?:"[^"]*"|[^">])*?(\/?)>/g)) {
      if (end) expect(open.pop()).toBe(name);
      else if (!self && !alone.has(name!)) open.push(name!);
    }
    expect(open).toEqual([]);
  });

  it('draws charts that another renderer can read, each with a description', async () => {
    const charts = svgs(two);
    // ROC, 2 histograms, loss, rate, accuracy, throughput, waiting, staleness, probed, ages, hits, occupancy.
    expect(charts).toHaveLength(13);
    for (const chart of charts) {
      expect(chart).toMatch(/aria-label="[A-Z][^"]{20,}"/);
      expect(chart).not.toMatch(/NaN|undefined|Infinity/);
      expect(chart).not.toMatch(/ id="/);
      expect((await sharp(Buffer.from(chart)).metadata()).width).toBe(372);
    }
  });

  it('has every section when there is something for it', () => {
    const all = ['Verification', 'Training', 'Memory', 'Hardest pairs', 'Training images', 'The run'];
    expect(titles(one)).toEqual(all);
    expect(titles(two)).toEqual(all);
    expect(svgs(one)).toHaveLength(12);
    for (const text of ['too few pairs', 'Engines not used (1)', 'Images skipped (1)', 'memory.refresh']) {
      expect(one).toContain(text);
    }
    expect(one).not.toContain('Full softmax');
    expect(two).toContain('Full softmax');
  });

  it('states the numbers that it was given', () => {
    const { verification } = madeUpRun(1, face).heads[0]!;
    expect(one).toContain(`${(100 * verification!.accuracy).toFixed(1)}<small> %`);
    expect(one).toContain(`± ${(100 * verification!.binomialError).toFixed(1)}`);
    expect(one).toContain(verification!.areaUnderCurve.toFixed(4));
    expect(one).toContain(verification!.tarAtFar[1]!.threshold!.toFixed(3));
  });

  it('leaves out what is absent', async () => {
    const full = madeUpRun(2, face);
    const { faces, skipped, dataset, protocol, summary, ...rest } = full;
    const page = await renderReport({ ...rest, config: {}, heads: full.heads.map(bare) });
    expect(titles(page)).toEqual(['The run']);
    expect(svgs(page)).toHaveLength(0);
    expect(page).not.toMatch(/undefined|null|NaN/);

    const noMemory = await renderReport({ ...full, heads: full.heads.map(({ memory, ...head }) => head) });
    expect(titles(noMemory)).not.toContain('Memory');
    const halfVerified = await renderReport({ ...full, heads: [bare(full.heads[0]!), full.heads[1]!] });
    expect(titles(halfVerified)).toContain('Verification');
  });

  it('escapes names, wherever they come from', async () => {
    const evil = `<img src=x onerror="alert('1')">&`;
    const run = madeUpRun(2, face);
    const image = { name: evil, bytes: jpeg };
    const data: ReportData = {
      ...run,
      title: evil,
      summary: evil,
      finishedAt: evil,
      protocol: evil,
      engine: { ...run.engine, device: evil, rejected: [{ engine: evil, reason: evil }] },
      machine: { [evil]: evil },
      dataset: { [evil]: evil },
      heads: run.heads.map((head, i) => ({
        ...head,
        name: `${evil}${i}`,
        description: evil,
        falseMatches: [{ first: image, second: image, score: 0.5 }],
      })),
      faces: [{ identity: evil, images: [image] }],
      config: { [evil]: evil },
      skipped: [{ name: evil, reason: evil }],
    };
    const page = await renderReport(data);
    expect(page).not.toContain('<img src=x');
    expect(page.match(/&#60;img src=x onerror=/g)!.length).toBeGreaterThan(15);
  });

  it('says what was planned, and the hit rate that was found beside the one expected', async () => {
    const run = madeUpRun(1, face);
    const [head] = run.heads;
    const memory = { ...head!.memory!, hitRate: 0.7477, expectedHitRate: 0.7467 };
    const plan = ['100 identities, <20> slots', 'batches of 4'];
    const page = await renderReport({ ...run, plan, heads: [{ ...head!, memory }] });
    expect(page).toContain('<h3>What was planned</h3><p>100 identities, &#60;20&#62; slots</p><p>batches of 4</p>');
    expect(page).toContain('<dt>Hit rate</dt><dd>74.8 %</dd>');
    expect(page).toContain('<dt>Hit rate expected</dt><dd>74.7 %</dd>');
    expect(one).not.toContain('What was planned');
  });

  it('says what was changed when the run went on', async () => {
    const run = madeUpRun(1, face);
    const changes = [
      { step: 500, key: 'config.schedule.base', saved: 0.1, now: 0.01 },
      { step: 700, key: 'clipNorm', now: 2 },
    ];
    const page = await renderReport({ ...run, heads: [{ ...run.heads[0]!, changes }] });
    expect(page).toContain('Changed when the run went on (2)');
    expect(page).toContain(
      '<td>500</td><td><code>schedule.base</code></td><td><code>0.1</code></td><td><code>0.01</code></td>',
    );
    expect(page).toContain('<code>clipNorm</code></td><td><code>nothing</code></td><td><code>2</code></td>');
    expect(one).not.toContain('Changed when');
  });

  it('survives numbers that went wrong', async () => {
    const run = madeUpRun(1, face);
    const head = run.heads[0]!;
    const steps = [
      { step: 1, loss: 3 },
      { step: 2, loss: Number.NaN },
      { step: 3, loss: Number.POSITIVE_INFINITY },
      { step: 4, loss: 2 },
    ];
    const verification = { ...head.verification!, threshold: Number.POSITIVE_INFINITY };
    const page = await renderReport({ ...run, heads: [{ ...head, steps, verification }] });
    for (const chart of svgs(page)) expect(chart.replace(/aria-label="[^"]*"/, '')).not.toMatch(/NaN|Infinity/);
  });

  it('refuses a run without a head', async () => {
    await expect(renderReport({ ...madeUpRun(1, face), heads: [] })).rejects.toThrow('heads is "empty"');
  });
});
