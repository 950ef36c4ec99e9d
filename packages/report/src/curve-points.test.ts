import { describe, expect, it } from 'vitest';
import { logRoc, thin } from './curve-points.ts';
import { decimal, duration, moment, percent, rate } from './format.ts';
import { html } from './html.ts';

describe('thin', () => {
  it('keeps means and every outlier', () => {
    const points = Array.from({ length: 1000 }, (_, x) => ({ x, y: x === 503 ? 99 : 1 }));
    const thinned = thin(points, 100);
    expect(thinned).toHaveLength(100);
    expect(Math.max(...thinned.map(({ high }) => high))).toBe(99);
    expect(thinned[0]).toEqual({ x: 4.5, mean: 1, low: 1, high: 1 });
    expect(thinned.reduce((sum, { mean }) => sum + mean * 10, 0)).toBeCloseTo(1098, 9);
  });

  it('leaves short curves alone and drops what is not finite', () => {
    expect(
      thin([
        { x: 1, y: 2 },
        { x: 2, y: Number.NaN },
      ]),
    ).toEqual([{ x: 1, mean: 2, low: 2, high: 2 }]);
    expect(thin([])).toEqual([]);
  });
});

describe('logRoc', () => {
  it('reads the staircase at each point of a logarithmic axis', () => {
    const roc = { far: [0, 0, 0.01, 0.01, 0.5, 1], tar: [0, 0.2, 0.2, 0.7, 0.9, 1] };
    const points = logRoc(roc, 1e-3, 10);
    const at = (far: number): number => points.find((point) => Math.abs(point.far / far - 1) < 1e-6)!.tar;
    expect(points).toHaveLength(31);
    expect([at(1e-3), at(1e-2), at(1e-1), at(1)]).toEqual([0.2, 0.7, 0.7, 1]);
    expect(points.find(({ far }) => far > 0.5)!.tar).toBe(0.9);
  });
});

describe('numbers and markup', () => {
  it('are written as people write them', () => {
    expect(decimal(12345.678, 1)).toBe('12,345.7');
    expect([decimal(Number.NaN), duration(Number.NaN)]).toEqual(['\u2013', '\u2013 s']);
    expect(percent(0.8794)).toBe('87.9');
    expect([rate(0.1), rate(0.01), rate(0.001)]).toEqual(['10 %', '1 %', '1e\u22123']);
    expect([3.21, 45.2, 125, 7260].map(duration)).toEqual(['3.2 s', '45 s', '2 min 5 s', '2 h 1 min']);
    expect([59.7, 3599.6].map(duration)).toEqual(['1 min 0 s', '1 h 0 min']);
    expect(moment('2026-11-23T21:53:10.000Z')).toBe('2026-11-23, 21:53 UTC');
    expect(moment('soon')).toBe('soon');
  });

  it('are escaped unless they are markup', () => {
    expect(html`<p title="${'"<&'}">${html`<b>${1}</b>`}${[html`a`, 'b<']}${false}${undefined}</p>`.markup).toBe(
      '<p title="&#34;&#60;&#38;"><b>1</b>ab&#60;</p>',
    );
  });
});
