import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enginesAtHand } from '@protomem/engine/testing';
import { expect, it } from 'vitest';

const cli = join(import.meta.dirname, 'cli.ts');
const small = [
  ...['steps=60', 'schedule.warmup=2', 'evaluation.every=0', 'baselines=[]', 'data.identities=200'],
  ...['encoder.width=0.125', 'encoder.inputSize=32', 'encoder.embeddingSize=16', 'head.size=40'],
  ...['sampler.classes=4', 'sampler.images=2', 'sampler.order.groupSize=16', 'loader.prefetch=2'],
  ...['evaluation.pairs.identities=12', 'evaluation.pairs.count=20'],
].flatMap((patch) => ['--set', patch]);

/** Status and what came until the answer ended, or had what is waited for. */
function ask(
  url: string,
  options: { readonly method?: string; readonly host?: string; readonly until?: RegExp } = {},
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', host, until } = options;
    const asked = request(url, { method, headers: host === undefined ? {} : { host } }, (answer: IncomingMessage) => {
      let text = '';
      const done = (): void => resolve({ status: answer.statusCode!, text });
      answer.on('data', (data) => {
        text += data;
        if (!until?.test(text)) return;
        answer.destroy();
        done();
      });
      answer.on('end', done);
      answer.on('error', done);
    });
    asked.on('error', reject).end();
  });
}

it('shows a run on this machine only, loses nobody who leaves, and changes nothing of it', {
  timeout: 120_000,
}, async () => {
  const dir = await mkdtemp(join(tmpdir(), 'protomem-live-'));
  const engine = (await enginesAtHand()).includes('node') ? 'node' : 'wasm';
  const start = (out: string, ...more: string[]) => {
    const args = ['demo', '--out', join(dir, out), ...small, '--set', `engine.prefer=${engine}`, ...more];
    const child = spawn(process.execPath, ['--import', 'tsx', '--conditions=@protomem/source', cli, ...args]);
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (text += data));
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    return { said: () => text, ended };
  };
  const run = start('live', '--live', '--live-port', '0');
  while (!/live: (\S+)/.test(run.said())) await new Promise((resolve) => setTimeout(resolve, 20));
  const url = /live: (\S+)/.exec(run.said())![1]!;
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);

  const page = await ask(url);
  expect(page.status).toBe(200);
  expect(page.text).toContain('<title>');
  expect(page.text).not.toMatch(/(src|href)="?https?:/);
  expect((await ask(url, { host: 'evil.example' })).status).toBe(421);
  expect((await ask(url, { method: 'POST' })).status).toBe(405);
  expect((await ask(`${url}../../config.json`)).status).toBe(404);
  // Leaves in the middle; a second one is served after it.
  const first = await ask(`${url}events`, { until: /event: part/ });
  expect(first.status).toBe(200);
  const second = await ask(`${url}events`, { until: /"id":"now"/ });
  expect(second.text).toContain('"id":"now"');
  expect(await run.ended, run.said()).toBe(0);

  const quiet = start('quiet');
  expect(await quiet.ended, quiet.said()).toBe(0);
  const encoder = (out: string): Promise<Buffer> => readFile(join(dir, out, 'encoder.safetensors'));
  expect((await encoder('live')).equals(await encoder('quiet'))).toBe(true);
  await rm(dir, { recursive: true });
});
