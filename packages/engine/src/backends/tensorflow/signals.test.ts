import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { enginesAtHand } from '../../testing.ts';

// Many products of a shape for which oneDNN puts its workspace into the stack pointer, and small blocks of the heap beside them.
const script = `
import * as tf from '@tensorflow/tfjs';
import { loadEngine } from ${JSON.stringify(new URL('../../index.ts', import.meta.url).href)};
await loadEngine({ prefer: 'node' });
let seen = 0;
process.on('SIGWINCH', () => seen++);
const [image, filter] = [tf.ones([1, 14, 28, 512]), tf.ones([1, 1, 512, 128])];
console.log('begun');
while (seen < 1000) {
  for (let i = 0; i < 20; i++) {
    tf.dispose(tf.tidy(() => tf.conv2d(image, filter, 1, 'same')));
    tf.dispose(Array.from({ length: 20 }, (_, j) => tf.ones([7 * j + 1])));
  }
  await new Promise((soon) => setImmediate(soon));
}
console.log('ended');
`;

// Seen on a processor with AVX-512; without the engine there is nothing to break.
it.skipIf(!(await enginesAtHand()).includes('node'))(
  'takes signals while products are computed',
  async () => {
    const args = ['--conditions', '@protomem/source', '--import', 'tsx', '--input-type=module', '-e', script];
    const child = spawn(process.execPath, args, { cwd: import.meta.dirname });
    let said = '';
    const ended = new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal)));
    let timer: NodeJS.Timeout | undefined;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data: Buffer) => {
        said += data.toString();
        timer ??= said.includes('begun')
          ? setInterval(() => {
              for (let i = 0; i < 20; i++) child.kill('SIGWINCH');
            }, 1)
          : undefined;
      });
    const code = await ended;
    clearInterval(timer);
    expect([code, said]).toEqual([0, 'begun\nended\n']);
  },
  120_000,
);
