import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createEncoder, saveEncoder } from '@protomem/encoders';
import { loadEngine } from '@protomem/engine';
import { syntheticFaces } from '@protomem/synthetic';
import autocannon from 'autocannon';
import sharp from 'sharp';
import { FROM_SOURCE } from '../contender.ts';
import { median } from '../statistics.ts';
import type { Suite } from '../suite.ts';

const STEP = join(import.meta.dirname, 'serve-step.ts');
const BATCH = 32;
const CONNECTIONS = 2 * BATCH;

/** Requests a second of `protomem serve` beside the encoder alone, and whether its memory stays as it is. */
export const serve: Suite = {
  about: 'aligned faces over HTTP beside the encoder alone, memory over many requests (--data FILE: another encoder)',
  async run({ quick, data, say }) {
    const [rounds, last] = quick ? [3, 1000] : [5, 7000];
    const folder = await mkdtemp(join(tmpdir(), 'protomem-bench-'));
    const file = data ?? join(folder, 'encoder.safetensors');
    if (data === undefined) {
      await loadEngine();
      await saveEncoder(createEncoder('mobile-face-net', { inputSize: 112, embeddingSize: 512 }), file);
    }
    const source = syntheticFaces({ identities: 100, imagesPerIdentity: 1, seed: 1 });
    const requests: autocannon.Request[] = [];
    for (let i = 0; i < 100; i++) {
      const body = await sharp((await source.load(i, 0)).bytes)
        .jpeg({ quality: 95 })
        .toBuffer();
      requests.push({ method: 'POST', path: '/identify', headers: { 'content-type': 'image/jpeg' }, body });
    }
    const child = spawn(process.execPath, [...FROM_SOURCE, STEP, file, String(BATCH)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async (): Promise<string> => (await lines.next()).value;
    const ask = (line: string): Promise<number> => {
      child.stdin.write(`${line}\n`);
      return next().then(Number);
    };
    try {
      let url = await next();
      while (!url.startsWith('http')) url = await next();
      const load = (amount: number) => autocannon({ url, connections: CONNECTIONS, amount, requests, timeout: 60 });
      await ask('bare');
      await load(200);
      const taken: { bare: number; served: number; p50: number; p99: number }[] = [];
      const memory: number[] = [];
      for (let i = 0; i < rounds; i++) {
        const bare = await ask('bare');
        const { latency, duration, non2xx, errors, '2xx': answered } = await load(1000);
        if (non2xx + errors > 0) throw new Error(`${non2xx} requests refused, ${errors} failed`);
        taken.push({ bare, served: answered / duration, p50: latency.p50, p99: latency.p99 });
        memory.push(await ask('rss'));
        say(
          `bare ${bare.toFixed(0)}, served ${(answered / duration).toFixed(0)} images/s; p50 ${latency.p50} ms, p99 ${latency.p99} ms`,
        );
      }
      await load(last - 1000);
      await load(1000);
      memory.push(await ask('rss'));
      const of = (key: 'bare' | 'served' | 'p50' | 'p99'): number => median(taken.map((one) => one[key]));
      const total = 200 + 1000 * rounds + last;
      const value = (figure: number) => ({ about: {}, figures: { value: figure } });
      return {
        unit: '',
        cases: {
          [`${data === undefined ? 'MobileFaceNet' : 'the encoder'}, batch ${BATCH}, ${CONNECTIONS} connections`]: {
            'encoder alone, images/s': value(of('bare')),
            'served, images/s': value(of('served')),
            'p50, ms': value(of('p50')),
            'p99, ms': value(of('p99')),
            'MiB resident after 1,200 requests': value(memory[0]! / 2 ** 20),
            [`MiB resident after ${total.toLocaleString('en')}`]: value(memory.at(-1)! / 2 ** 20),
          },
        },
        ratios: { 'served/encoder alone': median(taken.map(({ served, bare }) => served / bare)) },
        reading:
          "The share of the encoder alone that is left of it behind HTTP: the median of the rounds' own ratios, not the ratio of the medians above.",
        taken: `Encoder alone and 1,000 requests took turns in one process, ${rounds} times; the median. Whoever asks runs on the same cores.`,
        absent: [],
        notes: [
          'Each request is a JPEG of 112 x 112, decoded, embedded with its mirror image, and searched for among 1,000 people. The encoder alone gets pixels that are decoded already.',
        ],
      };
    } finally {
      child.stdin.end();
      child.kill();
      await rm(folder, { recursive: true });
    }
  },
};
