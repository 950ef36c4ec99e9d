import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Html } from '../html.ts';
import type { LiveRun, LiveSnapshot } from './live-data.ts';
import { contentPolicy, type LivePart, livePage, liveParts } from './live-page.ts';
import { batchPart, type LiveState, memoryPart, nowPart, trainingPart } from './live-view.ts';
import { LogTail } from './log-tail.ts';

/** A page about a run, on 127.0.0.1. */
export interface LiveServer {
  readonly url: string;
  /** Open pages. */
  readonly clients: number;
  snapshot(snapshot: LiveSnapshot): void;
  /** Shows the last state, says `text` on every open page, and ends. */
  close(text: string): Promise<void>;
}

export interface LiveServerOptions extends LiveRun {
  /** Called when the first page opens and when the last one closes. */
  readonly onWatched?: (watched: boolean) => void;
  /** Least time between two looks at the log, milliseconds. Default 1,000. */
  readonly tick?: number;
}

const drawings: Readonly<Record<LivePart, (state: LiveState) => Html | undefined | Promise<Html | undefined>>> = {
  now: nowPart,
  training: trainingPart,
  memory: memoryPart,
  batch: batchPart,
};

/**
 * Drawing takes at most one hundredth of one core's time; but no open page waits longer than this for its curves, and one
 * that is loaded anew no longer than that, milliseconds.
 */
const DRAWING_SHARE = 0.01;
const LONGEST_WAIT = 60_000;
const LOADED_WAIT = 2_000;
/** Pages that may be open at once; and bytes that a page may be behind before its connection is cut. */
const MOST_CLIENTS = 16;
const MOST_BEHIND = 16 * 2 ** 20;

/** Figures are sent as the log grows; curves and faces are drawn as often as their cost allows, and only for open pages. */
export async function startLiveServer({ onWatched, tick = 1000, ...run }: LiveServerOptions): Promise<LiveServer> {
  const logs = run.heads.map(({ out }) => new LogTail(join(out, 'log.jsonl')));
  const snapshots = new Map<number, LiveSnapshot>();
  const shown = new Map<LivePart, string>();
  const clients = new Set<ServerResponse>();
  let changed = true;
  let drawn = Number.NEGATIVE_INFINITY;
  let pause = 0;
  let turn: Promise<void> = Promise.resolve();

  /** Looks at the log, and draws when the last drawing is so long ago. One at a time. */
  const look = (wait: number): Promise<void> => {
    turn = turn.then(() => lookNow(wait)).catch((error: Error) => console.error(`live page: ${error.message}`));
    return turn;
  };

  async function lookNow(wait: number): Promise<void> {
    let grown = false;
    for (const log of logs) grown = (await log.read()) || grown;
    changed ||= grown;
    if (grown || !shown.has('now')) await show('now');
    if (!changed || performance.now() < drawn + Math.min(wait, pause)) return;
    changed = false;
    const begun = process.cpuUsage();
    for (const part of liveParts.slice(1)) await show(part);
    const { user, system } = process.cpuUsage(begun);
    drawn = performance.now();
    pause = (user + system) / 1000 / DRAWING_SHARE;
  }

  async function show(part: LivePart): Promise<void> {
    const markup = (await drawings[part]({ run, logs, snapshots }))?.markup ?? '';
    if (markup === (shown.get(part) ?? '')) return;
    shown.set(part, markup);
    tell('part', { id: part, markup });
  }

  function tell(event: string, data: unknown, to: Iterable<ServerResponse> = clients): void {
    const text = `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    for (const client of to) {
      if (client.writableLength > MOST_BEHIND) client.destroy();
      else client.write(text);
    }
  }

  function listen(response: ServerResponse): void {
    if (clients.size >= MOST_CLIENTS) {
      refuse(response, 503, `${MOST_CLIENTS} pages are open already`);
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write('retry: 2000\n\n');
    clients.add(response);
    if (clients.size === 1) onWatched?.(true);
    response.on('error', () => response.destroy());
    response.on('close', () => {
      clients.delete(response);
      if (clients.size === 0) onWatched?.(false);
    });
    for (const [id, markup] of shown) tell('part', { id, markup }, [response]);
  }

  const server = createServer((request, response) => {
    const { port } = server.address() as AddressInfo;
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const reason = refusal(request, port);
    if (reason) return refuse(response, ...reason);
    if (pathOf(request) === '/events') return listen(response);
    look(LOADED_WAIT).then(() => {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
      response.end(request.method === 'HEAD' ? undefined : livePage(run.title, shown));
    });
  });
  await listening(server, run.port);
  const timer = setInterval(() => {
    if (clients.size > 0) void look(LONGEST_WAIT);
  }, tick);

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    get clients() {
      return clients.size;
    },
    snapshot(snapshot) {
      // The first one is worth a drawing of its own: so far the page has nothing where it belongs.
      if (!snapshots.has(snapshot.head)) pause = 0;
      snapshots.set(snapshot.head, snapshot);
      changed = true;
    },
    async close(text) {
      clearInterval(timer);
      if (clients.size > 0) await look(0);
      tell('over', text);
      for (const client of clients) client.end();
      const ended = new Promise((resolve) => server.close(resolve));
      setTimeout(() => server.closeAllConnections(), 500).unref();
      await ended;
    },
  };
}

const headers = {
  'content-security-policy': contentPolicy,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
};

const pathOf = ({ url = '/' }: IncomingMessage): string => url.split('?', 1)[0]!;

/** A page elsewhere that has its own name point to 127.0.0.1 sends that name as the host. */
function refusal(request: IncomingMessage, port: number): [status: number, text: string] | undefined {
  const { host, origin, 'sec-fetch-site': site } = request.headers;
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`, ...(port === 80 ? ['127.0.0.1', 'localhost'] : [])];
  if (!hosts.includes(host?.toLowerCase() ?? '')) return [421, `this page is http://127.0.0.1:${port}/`];
  const foreign = site !== undefined && !['same-origin', 'none'].includes(site) && pathOf(request) !== '/';
  if (foreign || (origin !== undefined && origin !== `http://${host}`)) return [403, 'only its own page may ask'];
  if (request.method !== 'GET' && request.method !== 'HEAD') return [405, 'GET only'];
  if (!['/', '/events'].includes(pathOf(request))) return [404, 'nothing here'];
  if (request.method === 'HEAD' && pathOf(request) === '/events') return [405, 'GET only'];
  return undefined;
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    connection: 'close',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
  });
  response.end(`${text}\n`);
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
}
