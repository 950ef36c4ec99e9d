import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { enginesAtHand } from '@protomem/engine/testing';
import { describe, expect, it } from 'vitest';

const engines = await enginesAtHand();
const here = engines.includes('node') && engines.includes('wasm');
if (!here) console.log('skipped: narrow encoders on the engine node, which is not installed here, or wasm is not');

const script = fileURLToPath(new URL('../fixtures/narrow-training.ts', import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** With checks of the heap, where the C library has them: without, a spoilt one may go unseen. */
function train(channels: number, steps: number): Promise<{ ended: string; result: unknown }> {
  const env = { ...process.env, LD_PRELOAD: 'libc_malloc_debug.so.0', MALLOC_CHECK_: '3', MALLOC_PERTURB_: '165' };
  const args = ['--conditions', '@protomem/source', '--import', tsx, script, String(channels), String(steps)];
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { env }, (_, stdout, stderr) => {
      const ended = child.signalCode ?? `${child.exitCode}${child.exitCode === 0 ? '' : ` ${stderr}`}`;
      resolve({ ended, result: JSON.parse(stdout.trim().split('\n').at(-1) || 'null') });
    });
  });
}

describe.skipIf(!here)('a narrow encoder trains on the engine node', () => {
  // 8: IResNet at width 0.125. 3 and 5: fewer than any register of oneDNN's kernels holds.
  it.each([8, 5, 3])('with %i channels, with the gradients of another engine', async (channels) => {
    const { ended, result } = await train(channels, 3);
    expect(ended).toBe('0');
    expect(result).toMatchObject({ finite: true });
    const { off } = result as { off: number };
    expect(off).toBeLessThan(1e-2);
  });
});
