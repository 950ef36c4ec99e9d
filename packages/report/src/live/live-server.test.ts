import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRunLog } from '@protomem/training/log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LiveSnapshot } from './live-data.ts';
import { contentPolicy } from './live-page.ts';
import { type LiveServer, startLiveServer } from './live-server.ts';
import { LogTail } from './log-tail.ts';

let folder: string;
let server: LiveServer;
const watched: boolean[] = [];

const line = (step: number): string =>
  `${JSON.stringify({
    ...{
      step,
      time: 1,
      'train/loss': 10 / step,
      'train/gradient_norm': 1,
      'train/learning_rate': 0.1,
      'progress/epoch': 0.1,
    },
    ...{ 'speed/images_per_second': 50, 'speed/step_seconds': 0.3, 'speed/seconds_left': 61, 'head/occupancy': 1 },
    ...{ 'memory/resident_mib': 300, 'speed/waiting_share': 0.01, 'head/hitRate': 0.5 },
  })}\n`;
const log = (): string => join(folder, 'log.jsonl');

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'protomem-live-'));
  await writeFile(log(), [1, 2, 3, 4, 5, 6].map(line).join(''));
  watched.length = 0;
  server = await startLiveServer({
    ...{ title: '<demo>', port: 0, steps: 12, heads: [{ name: 'Prototype Memory', out: folder }], tick: 20 },
    onWatched: (now) => watched.push(now),
  });
});
afterEach(async () => {
  await server.close('the end');
  await rm(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

function ask(
  path: string,
  { method = 'GET', headers = {} }: { method?: string; headers?: object } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request(new URL(path, server.url), { method, headers: headers as Record<string, string> }, (response) => {
      let text = '';
      response.on('data', (data) => (text += data));
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }));
    })
      .on('error', reject)
      .end();
  });
}

/** Text of an open event stream so far. */
function listen(): { text: string; readonly close: () => void; readonly ended: Promise<void> } {
  const stream = { text: '', close: () => asked.destroy(), ended: Promise.resolve() };
  let end = (): void => undefined;
  stream.ended = new Promise((resolve) => (end = resolve));
  const asked = request(new URL('/events', server.url), (response) => {
    response.on('data', (data) => (stream.text += data));
    response.on('close', end).on('error', () => undefined);
  });
  asked.on('error', end).end();
  return stream;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('the live page', () => {
  it('is one page that needs nothing else and lets nothing run but its own script', async () => {
    const { status, headers, text } = await ask('/');
    expect(status).toBe(200);
    expect(headers['content-security-policy']).toBe(contentPolicy);
    expect(contentPolicy).not.toContain("script-src 'unsafe");
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(text).toContain('&#60;demo&#62;');
    expect(text).not.toMatch(/(src|href)="(?!data:)/);
    expect(text.match(/<script/g)).toHaveLength(1);
  });

  it('refuses other hosts, origins, methods and paths', async () => {
    const { port } = new URL(server.url);
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1:1', `127.0.0.1.evil.example:${port}`]) {
      expect((await ask('/', { headers: { host } })).status, host).toBe(421);
    }
    expect((await ask('/', { headers: { host: `localhost:${port}` } })).status).toBe(200);
    expect((await ask('/events', { headers: { origin: 'http://evil.example' } })).status).toBe(403);
    expect((await ask('/events', { headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(403);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const answer = await ask('/', { method });
      expect(answer.status, method).toBe(405);
      expect(answer.headers.allow).toBe('GET, HEAD');
    }
    for (const path of ['/log.jsonl', '/..%2flog.jsonl', '/../config.json', '/events/', '//events']) {
      expect((await ask(`${server.url.slice(0, -1)}${path}`)).status, path).toBe(404);
    }
    expect((await ask('/', { method: 'HEAD' })).text).toBe('');
  });

  it('survives bytes that are no request', async () => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.on('error', () => undefined).write('\x00\xff nonsense\r\n\r\n');
    // Answered with 400 or not at all: what counts is that the next one is.
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.destroy();
    expect((await ask('/')).status).toBe(200);
  });

  it('sends what is new, and forgets pages that go away', async () => {
    await ask('/');
    const pages = [listen(), listen(), listen()];
    await until(() => server.clients === 3 && pages.every(({ text }) => text.includes('"id":"training"')));
    pages[0]!.close();
    pages[1]!.close();
    await until(() => server.clients === 1);
    await appendFile(log(), line(7));
    await until(() => pages[2]!.text.includes('value=\\"7\\"'));
    pages[2]!.close();
    await until(() => server.clients === 0);
    expect(watched).toEqual([true, false]);
  });

  it('says when the run is over, with the last step', async () => {
    const page = listen();
    await until(() => server.clients === 1);
    await appendFile(log(), line(12));
    await server.close('finished: report.html');
    await page.ended;
    expect(page.text).toContain('value=\\"12\\"');
    expect(page.text).toContain('event: over\ndata: "finished: report.html"');
    server = await startLiveServer({ title: 'again', port: 0, steps: 12, heads: [{ name: 'a', out: folder }] });
  });

  it('shows the batch and its names as text', async () => {
    const face = {
      identity: '<img src=x onerror=alert(1)>',
      name: 'a"b.jpg',
      pixels: new Uint8Array(8 * 8 * 3).fill(90),
    };
    const snapshot: LiveSnapshot = {
      ...{
        head: 0,
        step: 6,
        side: 8,
        faces: [face, { ...face, name: 'c.jpg' }],
        doppelgangers: [],
        lookAlikes: [],
        suspects: [],
      },
      memory: { slots: 4, used: 3, ages: [0, 1, 5], staleness: [{ from: 1, to: 1, count: 9, meanCosine: 0.9 }] },
    };
    server.snapshot(snapshot);
    const { text } = await ask('/');
    expect(text).toContain('&#60;img src=x onerror=alert(1)&#62;');
    expect(text).not.toContain('<img src=x');
    expect(text.match(/data:image\/jpeg/g)).toHaveLength(2);
    expect(text).toContain('Ages');
  });

  it('shows a run without a log as one that has not begun', async () => {
    await rm(log());
    expect((await ask('/')).text).toContain('Waiting for the first step.');
  });

  it('refuses a port that is taken', async () => {
    const port = Number(new URL(server.url).port);
    await expect(startLiveServer({ title: 'b', port, steps: 1, heads: [] })).rejects.toThrow('EADDRINUSE');
  });
});

describe('LogTail', () => {
  it('says what the log says, however it came in pieces, and begins anew with a resumed run', async () => {
    const tail = new LogTail(log());
    expect(await tail.read()).toBe(true);
    expect(await tail.read()).toBe(false);
    await appendFile(log(), line(7).slice(0, 30));
    await tail.read();
    expect(tail.steps).toHaveLength(6);
    await appendFile(log(), `${line(7).slice(30)}{"step":7,"evaluation/accuracy":0.75}\n`);
    await tail.read();
    const whole = await readRunLog(log());
    expect(tail.steps).toEqual(whole.steps);
    expect(tail.evaluations).toEqual(whole.evaluations);

    const kept = (await readFile(log(), 'utf8')).split('\n').slice(0, 3).join('\n');
    await rm(log());
    await writeFile(log(), `${kept}\n`);
    expect(await tail.read()).toBe(true);
    expect(tail.steps.map(({ step }) => step)).toEqual([1, 2, 3]);
    expect(tail.evaluations).toEqual([]);
  });
});
