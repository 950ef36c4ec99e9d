import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { codeVersion, hashOf, KeptRuns } from './kept-runs.ts';

describe('KeptRuns', () => {
  const dir = mkdtempSync(join(tmpdir(), 'protomem-kept-'));
  afterAll(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'deeper', 'runs.jsonl');
  const run = { key: 'a', name: 'memory', seed: 0, engine: 'node', figures: { accuracy: 0.5 } };

  it('finds runs of this code, and of other code only where that is allowed', () => {
    const runs = new KeptRuns(file);
    runs.add({ ...run, code: 'old' });
    expect(runs.find('a', 'new', false)).toBeUndefined();
    expect(runs.find('a', 'new', true)?.code).toBe('old');
    const { date } = runs.add({ ...run, code: 'new', figures: { accuracy: 0.75 } });
    runs.add({ ...run, code: 'newer' });
    const again = new KeptRuns(file);
    expect(again.find('a', 'new', true)).toMatchObject({ date, code: 'new', figures: { accuracy: 0.75 } });
    expect(again.find('a', 'new', true)!.machine).toHaveProperty('cpu');
    expect(again.find('b', 'new', true)).toBeUndefined();
    expect(again.unusable).toBe(0);
  });

  it('counts lines that were cut short or have no key, and goes on behind them', () => {
    const torn = join(dir, 'torn.jsonl');
    writeFileSync(torn, '{"head":"memory","accuracy":0.5}\n{"key":"a","co');
    const runs = new KeptRuns(torn);
    expect(runs.unusable).toBe(2);
    runs.add({ ...run, code: 'c' });
    appendFileSync(torn, '\n');
    expect(new KeptRuns(torn).find('a', 'c', false)?.name).toBe('memory');
    expect(new KeptRuns(torn).unusable).toBe(2);
  });

  it('has keys that go by values and not by their order', () => {
    expect(hashOf({ a: 1, b: [{ c: 2, d: null }] })).toBe(hashOf({ b: [{ d: null, c: 2 }], a: 1 }));
    expect(hashOf({ a: [1, 2] })).not.toBe(hashOf({ a: [2, 1] }));
    expect(codeVersion()).toBe(codeVersion());
  });
});
