import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { goThrough } from './go-through.ts';

const dir = mkdtempSync(join(tmpdir(), 'protomem-through-'));
afterAll(() => rmSync(dir, { recursive: true }));

it('ends the other runs when one fails, and begins no more', async () => {
  const begun: string[] = [];
  const ended: string[] = [];
  const going = goThrough(['fails', 'goes on', 'waits'], {
    ...{ file: join(dir, 'runs.jsonl'), concurrency: 2, earlierCode: false, say: () => undefined },
    facts: (name) => ({ key: name, name, seed: 0 }),
    async carryOut(name, signal) {
      begun.push(name);
      if (name === 'fails') throw new Error('out of memory');
      await new Promise((done) => signal.addEventListener('abort', done));
      ended.push(name);
      return { engine: 'node', figures: {} };
    },
  });
  await expect(going).rejects.toThrow('out of memory');
  expect(begun).toEqual(['fails', 'goes on']);
  expect(ended).toEqual(['goes on']);
});
