import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { inOrder } from './in-order.ts';

async function* count(to: number): AsyncGenerator<number> {
  for (let i = 0; i < to; i++) yield i;
}

describe('inOrder', () => {
  it('keeps the order whatever takes longer, and the bound', async () => {
    let running = 0;
    let most = 0;
    const results: number[] = [];
    const task = async (i: number): Promise<number> => {
      most = Math.max(most, ++running);
      await wait(i % 3 === 0 ? 9 : 1);
      running--;
      return i;
    };
    for await (const result of inOrder(count(20), 4, task)) results.push(result);
    expect(results).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(most).toBe(4);
  });

  it('hands over what came before a failure, and begins nothing after it', async () => {
    const begun: number[] = [];
    const results: number[] = [];
    const task = async (i: number): Promise<number> => {
      begun.push(i);
      if (i === 3) throw new Error('three');
      await wait(5);
      return i;
    };
    const read = async (): Promise<void> => {
      for await (const result of inOrder(count(20), 2, task)) results.push(result);
    };
    await expect(read()).rejects.toThrow('three');
    expect(results).toEqual([0, 1, 2]);
    expect(begun).toEqual([0, 1, 2, 3, 4]);
  });
});
