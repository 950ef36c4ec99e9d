import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PIECE, PUBLISHED, partialFcSpeed, plannedMemory, planTable, stepSeconds } from './cluster-plan.ts';

const costs = {
  encoder: (images: number) => 0.1 * images,
  head: 0.05,
  gradientBytes: 10 * PIECE,
  reduction: { piece: 0.001, byte: 1e-9 },
};

describe('seconds of a step', () => {
  it('are those of the encoder and the head on one rank', () => {
    expect(stepSeconds(costs, 30, 1, { cores: 1 })).toBeCloseTo(3.05, 12);
  });

  it('hide what the wire takes behind the backward pass, but for the last piece', () => {
    const link = (bytesPerSecond: number) => ({ bytesPerSecond, latency: 0 });
    const without = stepSeconds(costs, 30, 2, { cores: 2 });
    // 15 images, 11 calls, 80 MB copied.
    expect(without).toBeCloseTo(1.5 + 0.05 + 0.011 + 0.08, 12);
    // 80 MB in 0.8 s, less than the second on the way back.
    expect(stepSeconds(costs, 30, 2, { cores: 2, link: link(1e8) }) - without).toBeCloseTo(0.08, 12);
    expect(stepSeconds(costs, 30, 2, { cores: 2, link: link(1e7) }) - without).toBeCloseTo(8 - 1, 12);
  });

  it('grow with ranks that share a core, and with latency by turns', () => {
    expect(stepSeconds(costs, 32, 4, { cores: 2 })).toBeGreaterThan(stepSeconds(costs, 32, 4, { cores: 4 }) + 0.8);
    const link = { bytesPerSecond: 1e12, latency: 1e-3 };
    const [two, four] = [2, 4].map((ranks) => stepSeconds(costs, 30, ranks, { cores: 4, link, turns: 8 }));
    expect(two! - stepSeconds(costs, 30, 2, { cores: 4 })).toBeCloseTo(2 * 8e-3, 3);
    expect(four).toBeLessThan(two!);
  });
});

describe('the plan', () => {
  it('has what is published of Partial FC within 5 %', () => {
    for (const [identities, published] of PUBLISHED) {
      expect(Math.abs(partialFcSpeed(identities) / published - 1), `${identities}`).toBeLessThan(0.05);
    }
  });

  it('is faster, and smaller, where slots are divided', () => {
    const [whole, divided] = [plannedMemory(64, false), plannedMemory(64, true)];
    expect(divided.imagesPerSecond).toBeGreaterThan(whole.imagesPerSecond);
    expect(divided.gib).toBeLessThan(whole.gib / 10);
    // Never all cosines at once: as much on any number of GPUs.
    expect(plannedMemory(512, false).gib).toBe(plannedMemory(8, false).gib);
  });

  it('stands in docs/scale.md as it is computed', () => {
    const cells = (text: string): string[] => text.split(/[|\n]/).map((cell) => cell.trim().replace(/^-+$/, '---'));
    const page = readFileSync(new URL('../../../docs/scale.md', import.meta.url), 'utf8');
    const rows = page.split('\n').filter((line) => line.startsWith('|'));
    const first = rows.findIndex((line) => line.startsWith('| GPUs'));
    expect(cells(rows.slice(first, first + 14).join('\n'))).toEqual(cells(planTable()));
  });
});
