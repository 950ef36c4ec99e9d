import { createHash, timingSafeEqual } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { check, firstLineOf, ProtomemError, readOptions } from '@protomem/core';
import { isLoopback, joinAddress } from '@protomem/core/node';
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import pLimit from 'p-limit';
import { batchEmbeddings } from './batch-embeddings.ts';
import { serveMetrics } from './metrics.ts';
import { type ServeOptions, type ServeSettings, serveOptions } from './options.ts';
import { page, pagePolicy } from './page.ts';
import { answerTo, refusal } from './refusals.ts';
import { addRoutes } from './routes.ts';
import { schemas } from './schemas.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the body is a photo: such requests are counted, and refused where too many are there. */
    readonly photo?: boolean;
  }
  interface FastifyRequest {
    /** Ends when the work on a photo does, which goes on without its client. */
    work?: Promise<unknown>;
  }
}

/** A server at work. */
export interface FaceServer {
  readonly url: string;
  /** Takes no more requests, answers those that are at work, and returns; clients that still send have the time-out for it. */
  close(): Promise<void>;
}

/** Connections at a time, and seconds until a client hears to come back. */
const MOST_CONNECTIONS = 1024;
const RETRY_AFTER = 1;
/** Of libuv, which unpack photos. */
const THREADS = 4;
/** Bytes of a path with names in it, each character of which may take 12 as `%XX%XX%XX%XX`. */
const LONGEST_NAME = 12 * 4096;

const headers = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
};

/**
 * Serves a gallery over HTTP: embed, enrol, identify, verify, list, delete, health, metrics, a page to try it at `/` and one
 * about the API at `/docs`. Faces of requests that come together go through the encoder together. Photos are never kept.
 *
 * @throws ProtomemError when another address than a loopback one has no token, or the port is taken.
 *
 * @example
 * ```ts
 * const server = await serve({ model, gallery, detect: await humanDetector(), port: 8080 });
 * console.log(server.url);
 * await server.close();
 * ```
 */
export async function serve(options: ServeOptions): Promise<FaceServer> {
  const settings = readOptions('serve', serveOptions, options);
  const { model, gallery, host, port, token, queue, maxBytes, timeout, batch, wait } = settings;
  checkDoor(settings);
  const milliseconds = Math.round(timeout * 1000);
  const forHeaders = Math.ceil(milliseconds / 3);
  const app = fastify({
    bodyLimit: maxBytes,
    keepAliveTimeout: 5000,
    requestTimeout: milliseconds,
    // Of silence: the work on a full queue may take as long as sending a request.
    connectionTimeout: 4 * milliseconds,
    http: {
      ...{ headersTimeout: forHeaders, connectionsCheckingInterval: Math.min(1000, forHeaders) },
      // Node's own, and a path.
      maxHeaderSize: 2 ** 14 + LONGEST_NAME,
    },
    routerOptions: { maxParamLength: LONGEST_NAME },
    ajv: { customOptions: { removeAdditional: false } },
    frameworkErrors: (error, _, reply) => answer(error, reply as FastifyReply),
    clientErrorHandler: answerUnparsed,
  });
  app.server.maxConnections = MOST_CONNECTIONS;
  /** Connections without a whole request: Node no longer looks at their time once it is told to close. */
  const sending = new Set<Socket>();
  app.server.on('connection', (socket) => {
    sending.add(socket);
    socket.once('close', () => sending.delete(socket));
  });

  let waiting = 0;
  let closing = false;
  const metrics = serveMetrics(gallery, () => waiting);
  const onBatch = (faces: number): void => {
    metrics.batches.inc();
    metrics.faces.inc(faces);
  };
  // Whole photos take 3 bytes a pixel each; aligned faces are unpacked to the model's size, and while a batch holds this thread
  // others unpack the next.
  const unpack = pLimit(settings.detect ? THREADS : Math.max(THREADS, batch));
  const coming = (): number => unpack.activeCount + unpack.pendingCount;
  const embedding = batchEmbeddings(model, { batch, wait, coming, onBatch });

  app.addHook('onRequest', async (request, reply) => {
    reply.headers(headers);
    refuseStranger(request, settings);
    if (!request.routeOptions.config.photo) return;
    if (waiting >= queue) {
      reply.headers({ 'retry-after': RETRY_AFTER, connection: 'close' });
      const [got, expected] = [`full: ${waiting} photos wait`, `fewer than ${queue}`];
      throw refusal(503, { where: 'serve', what: 'the queue', got, expected, fix: 'Try again a little later.' });
    }
    waiting++;
    // Comes after an answer, and after a client that is gone, whose photo is kept as long as it is at work or waiting.
    reply.raw.once('close', () => Promise.allSettled([request.work]).then(() => waiting--));
  });
  app.addHook('onRoute', (route) => {
    const { config, handler } = route;
    if (!config?.photo) return;
    route.handler = function (request, reply) {
      request.work = Promise.resolve(handler.call(this, request, reply));
      return request.work;
    };
  });
  app.addHook('preHandler', async ({ raw }) => {
    sending.delete(raw.socket);
  });
  // A connection that is kept open would keep the server from its end.
  app.addHook('onSend', async (_, reply) => {
    if (closing) reply.header('connection', 'close');
  });
  app.addHook('onResponse', async ({ method, raw, routeOptions }, reply) => {
    if (!raw.socket.destroyed) sending.add(raw.socket);
    const labels = { method, route: routeOptions.url ?? 'none', status: reply.statusCode };
    metrics.requests.observe(labels, reply.elapsedTime / 1000);
  });
  app.setErrorHandler((error, _, reply) => answer(error, reply));
  app.setNotFoundHandler(({ method, url }) => {
    const got = `${method} ${url}`;
    throw refusal(404, { where: 'serve', what: 'the path', got, expected: 'one that /docs tells of' });
  });

  app.addContentTypeParser(/^(image\/|application\/octet-stream)/, { parseAs: 'buffer' }, (_, body, done) =>
    done(null, body),
  );
  app.removeContentTypeParser('text/plain');

  await app.register(swagger, {
    openapi: {
      info: { title: 'protomem', description: 'People by their faces. Photos are never kept.', version: '1' },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: token === undefined ? [] : [{ token: [] }],
    },
  });
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true, logo: undefined });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  app.get('/', { schema: { hide: true } }, async (_, reply) =>
    reply.header('content-security-policy', pagePolicy).type('text/html; charset=utf-8').send(page),
  );
  app.get('/health', { schema: schemas.health }, async () => ({ status: 'ok', waiting }));
  app.get('/metrics', { schema: schemas.metrics }, async (_, reply) =>
    reply.type(metrics.type).send(await metrics.text()),
  );
  addRoutes(app, settings, embedding, unpack);

  await app.listen({ host, port }).catch((error: unknown) => {
    const got = `not to be had (${firstLineOf(error)})`;
    const expected = 'an address and a port that are free';
    throw new ProtomemError({ where: 'serve', what: joinAddress(host, port), got, expected }, { cause: error });
  });
  const { port: found } = app.server.address() as AddressInfo;
  return {
    url: `http://${joinAddress(host, found)}/`,
    close() {
      closing = true;
      for (const socket of sending) if (socket.bytesRead === 0) socket.destroy();
      const cut = setTimeout(() => sending.forEach((socket) => void socket.destroy()), milliseconds);
      return app.close().finally(() => clearTimeout(cut));
    },
  };
}

/** Nobody but this machine comes in without a token. */
function checkDoor({ host, token, gallery, model }: ServeSettings): void {
  check(token !== undefined || isLoopback(host), () => ({
    where: 'serve',
    what: 'token',
    got: 'missing',
    expected: `a token, for anybody may reach ${host}`,
    fix: 'Name one of 16 characters or more, or listen on 127.0.0.1.',
  }));
  check(token === undefined || /^[\x21-\x7e]{16,}$/.test(token), () => ({
    where: 'serve',
    what: 'token',
    got: `${token?.length} characters`,
    expected: '16 or more visible ASCII characters without a space',
  }));
  check(gallery.width === model.embeddingSize, () => ({
    where: 'serve',
    what: 'the gallery',
    got: `embeddings of ${gallery.width} numbers`,
    expected: `${model.embeddingSize}, which the model gives`,
  }));
}

/** Without a token: pages of others, which a browser on this machine shows. With one: whoever does not send it. */
function refuseStranger({ headers, routeOptions, raw }: FastifyRequest, { host, token }: ServeSettings): void {
  const url = routeOptions.url ?? '';
  if (token !== undefined) {
    const open = ['/', '/health', '/openapi.json'].includes(url) || url.startsWith('/docs');
    const sent = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
    if (open || (sent !== undefined && sameText(sent, token))) return;
    const got = headers.authorization === undefined ? 'missing' : 'another one';
    throw refusal(401, { where: 'serve', what: 'the token', got, expected: 'Authorization: Bearer TOKEN' });
  }
  // A page elsewhere may have its own name point to this machine, and sends that name.
  const name = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  if (!isLoopback(name)) {
    throw refusal(421, { where: 'serve', what: 'the host', got: headers.host ?? 'missing', expected: host });
  }
  if (headers.origin !== undefined && headers.origin !== `http://${headers.host}`) {
    raw.resume();
    throw refusal(403, { where: 'serve', what: 'the origin', got: headers.origin, expected: `http://${headers.host}` });
  }
}

/** Takes as long whatever the texts have in common. */
function sameText(a: string, b: string): boolean {
  const [first, second] = [a, b].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(first!, second!);
}

function answer(error: unknown, reply: FastifyReply): FastifyReply {
  const { status, body, unexpected } = answerTo(error);
  if (unexpected) console.error(error);
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  return reply.code(status).type('application/json; charset=utf-8').serializer(JSON.stringify).send(body);
}

/** What is no HTTP, or came too slowly, has no reply: the answer is written as it stands. */
function answerUnparsed(error: Error & { code?: string }, socket: Socket): void {
  const { code } = error;
  const statusCode = code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : code === 'HPE_HEADER_OVERFLOW' ? 431 : 400;
  if (code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(answerTo(Object.assign(new Error(error.message), { statusCode })).body);
  const lines = [
    `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
