import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32, deflateSync } from 'node:zlib';
import { ProtomemError } from '@protomem/core';
import { chromium } from '@protomem/core/testing';
import { calibrationFromScores, memoryStorage } from '@protomem/gallery';
import { Ajv } from 'ajv';
import puppeteer from 'puppeteer-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { colourModel, photo, serveColours } from '../fixtures/colours.ts';
import { batchEmbeddings } from './batch-embeddings.ts';

type Served = Awaited<ReturnType<typeof serveColours>>;
const scores = Array.from({ length: 2000 }, (_, i) => (i % 2 ? 0.9 + i / 20_000 : i / 4000));
const calibration = calibrationFromScores(
  scores,
  scores.map((_, i) => i % 2),
  'made up',
);

const landmarks = [
  [40, 50],
  [70, 50],
  [55, 70],
  [42, 88],
  [68, 88],
];

/** A detector that finds one face, whatever it is shown. */
const detect = () => [
  {
    landmarks: landmarks as never,
  },
];

let [red, green]: Buffer[] = [];
beforeAll(async () => {
  [red, green] = await Promise.all([photo(200, 10, 10), photo(10, 200, 10)]);
});

describe('routes', () => {
  it('answer as the page about them says, each of them', async () => {
    const served = await serveColours({ detect, minSharpness: 0 });
    await served.gallery.calibrate(calibration);
    const { paths } = (await (await served.ask('openapi.json')).json()) as {
      paths: Record<
        string,
        Record<string, { responses: Record<string, { content: Record<string, { schema: object }> }> }>
      >;
    };
    const ajv = new Ajv({ strict: false });
    const asked = new Set<string>();
    /** Asks, and checks the answer by what the page says of this status. */
    async function ask(route: string, path: string, status: number, body?: Uint8Array | string, type = 'image/png') {
      const [method, template] = route.split(' ') as [string, string];
      const response = await served.ask(path, method, body, body ? { 'content-type': type } : {});
      const { responses } = paths[template]![method.toLowerCase()]!;
      const said = responses[status] ?? responses[status < 500 ? '4XX' : '5XX']!;
      const text = await response.text();
      expect([route, response.status, text]).toEqual([route, status, expect.any(String)]);
      asked.add(`${method.toLowerCase()} ${template}`);
      const [kind, { schema }] = Object.entries(said.content)[0]!;
      if (kind !== 'application/json') return text;
      const answer = JSON.parse(text);
      const valid = ajv.compile(schema);
      expect([route, valid(answer), valid.errors]).toEqual([route, true, null]);
      return answer;
    }

    const IMAGES = 'POST /people/{person}/images';
    const ada = encodeURIComponent('Ada / "Lovelace" \u{1f600}');
    const enrolled = await ask(IMAGES, `people/${ada}/images?name=1.png`, 201, red);
    expect(enrolled).toMatchObject({ person: 'Ada / "Lovelace" \u{1f600}', images: 1 });
    expect((await ask(IMAGES, `people/${ada}/images?name=1.png`, 200, red)).image).toBe(enrolled.image);
    await ask(
      IMAGES,
      'people/Bo/images',
      201,
      JSON.stringify({ photo: green!.toString('base64') }),
      'application/json',
    );
    // A long name, in a path of 24 kB, which comes twice at once.
    const long = encodeURIComponent('\u{1f600}'.repeat(2000));
    const png = { 'content-type': 'image/png' };
    const twice = [1, 2].map(() => served.ask(`people/${long}/images`, 'POST', red, png));
    expect((await Promise.all(twice)).map(({ status }) => status).sort()).toEqual([200, 201]);
    expect((await served.ask(`people/${long}`, 'DELETE')).status).toBe(200);
    const { faces, thresholds } = await ask('POST /identify', 'identify?top=1&far=0.1&doubt=0.2', 200, red);
    expect(faces).toEqual([
      {
        box: expect.anything(),
        faults: [],
        people: [{ person: 'Ada / "Lovelace" \u{1f600}', score: expect.closeTo(1, 5), answer: 'same' }],
      },
    ]);
    expect(thresholds).toMatchObject({ comparisons: 2, far: 0.1, source: 'made up' });
    const verified = await ask('POST /people/{person}/verify', 'people/Bo/verify', 200, green);
    expect(verified).toMatchObject({ person: 'Bo', faces: [{ score: expect.closeTo(1, 5), answer: 'same' }] });
    expect((await ask('POST /people/{person}/verify', 'people/Bo/verify', 200, red)).faces[0].score).toBeLessThan(0.9);
    const {
      faces: [face],
      model,
    } = await ask('POST /embed', 'embed', 200, red);
    expect(Math.hypot(...face.embedding)).toBeCloseTo(1, 5);
    expect(model).toEqual({ name: 'means', fingerprint: 'm' });
    const listed = await ask('GET /people', 'people?offset=1', 200);
    expect(listed).toMatchObject({ total: 2, calibrated: true, people: [{ person: 'Bo', images: 1 }] });
    expect(await ask('GET /people/{person}', `people/${ada}`, 200)).toMatchObject({ images: [enrolled.image] });
    await ask('GET /people/{person}', 'people/Cy', 404);
    await ask('POST /people/{person}/verify', 'people/Cy/verify', 404, red);
    expect(await ask('GET /health', 'health', 200)).toEqual({ status: 'ok', waiting: 0 });
    const REMOVE = 'DELETE /people/{person}/images/{image}';
    await ask(REMOVE, `people/${ada}/images/none`, 404);
    expect(await ask(REMOVE, `people/${ada}/images/${encodeURIComponent(enrolled.image)}`, 200)).toMatchObject({
      removed: 1,
      images: 0,
    });
    expect(await ask('DELETE /people/{person}', 'people/Bo?compact=false', 200)).toMatchObject({ removed: 1 });
    expect(await ask('POST /identify', 'identify', 200, red)).toMatchObject({ faces: [{ people: [] }] });
    const metrics = await ask('GET /metrics', 'metrics', 200);
    expect(metrics).toMatch(/protomem_request_seconds_count{method="POST",route="\/identify",status="200"} 2/);
    expect(metrics).toMatch(/protomem_people 0\n/);
    const all = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((one) => `${one} ${path}`));
    expect([...asked].sort()).toEqual(all.filter((one) => !one.startsWith('head')).sort());
    const docs = await served.ask('docs/');
    expect([docs.status, docs.headers.get('content-security-policy')]).toEqual([
      200,
      expect.stringContaining("'self'"),
    ]);
    await served.close();
  });

  it('say what is wrong with a photo: no face, several, blurred', async () => {
    const square = (left: number) => ({
      landmarks: landmarks.map(([x, y]) => [x! + left, y!]) as never,
    });
    const found = { none: [], two: [square(0), square(9)], flat: [square(0)] };
    let now: keyof typeof found = 'none';
    const served = await serveColours({ detect: () => found[now] });
    const flat = await sharp({ create: { width: 300, height: 300, channels: 3, background: '#888' } })
      .png()
      .toBuffer();
    for (const [which, reason] of [
      ['none', 'without a face'],
      ['two', 'several faces'],
      ['flat', 'blurred'],
    ] as const) {
      now = which;
      const response = await served.ask('people/Ada/images', 'POST', flat);
      expect([response.status, await response.text()]).toEqual([422, expect.stringContaining(reason)]);
    }
    expect(served.gallery.people).toBe(0);
    now = 'none';
    expect(await (await served.ask('identify', 'POST', flat)).json()).toEqual({ faces: [], unaligned: 0 });
    await served.close();
  });
});

describe('a stranger', () => {
  it('needs the token, and a token is needed elsewhere than on this machine', async () => {
    await expect(serveColours({ host: '0.0.0.0' })).rejects.toThrow(
      'token is "missing", expected a token, for anybody may reach 0.0.0.0',
    );
    await expect(serveColours({ token: 'short' })).rejects.toThrow('16 or more');
    const token = 'a-token-of-28-characters-000';
    const served = await serveColours({ token, host: '0.0.0.0' });
    const { port } = new URL(served.url);
    const status = async (path: string, authorization?: string) =>
      (await fetch(`http://127.0.0.1:${port}${path}`, { headers: authorization ? { authorization } : {} })).status;
    for (const path of ['/people', '/metrics', '/people/Ada', '/none']) {
      for (const wrong of [undefined, `Bearer ${token}x`, `Bearer ${token.slice(1)}`, `Basic ${token}`, 'Bearer'])
        expect([path, wrong, await status(path, wrong)]).toEqual([path, wrong, 401]);
    }
    expect(await status('/people', `Bearer ${token}`)).toBe(200);
    for (const open of ['/', '/health', '/openapi.json', '/docs/']) expect(await status(open)).toBe(200);
    await served.close();
  });

  it('cannot ask by a page of its own that a browser here shows', async () => {
    const served = await serveColours();
    expect((await served.ask('people/A', 'DELETE', undefined, { origin: 'http://evil.example' })).status).toBe(403);
    const answer = await raw(served, 'GET /people HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1.1 421 /);
    await served.close();
  });
});

/** What a server answers to bytes, until it or we hang up. */
function raw({ url }: Served, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(bytes));
    let text = '';
    socket.on('data', (data) => (text += data));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
}

/** A PNG whose header says that it is of any size, and whose data are zeros, packed. */
function png(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const [length, sum, named] = [Buffer.alloc(4), Buffer.alloc(4), Buffer.concat([Buffer.from(type), data])];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(named));
    return Buffer.concat([length, named, sum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  const data = deflateSync(Buffer.alloc(2 ** 22));
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))]);
}

describe('bad requests', () => {
  let served: Served;
  beforeAll(async () => {
    served = await serveColours({ timeout: 0.6, maxPixels: 1e6 });
  });
  afterAll(() => served.close());

  const json = { 'content-type': 'application/json' };
  const cases: [
    what: string,
    status: number,
    path: string,
    body: () => Uint8Array | string,
    headers?: Record<string, string>,
  ][] = [
    ['no body', 400, 'identify', () => ''],
    ['text', 400, 'identify', () => 'hello'],
    ['half a PNG', 400, 'identify', () => red!.subarray(0, 200)],
    ['a PNG with damage', 400, 'identify', () => Buffer.from(red!).fill(7, 60, 200)],
    ['a JPEG that is no more than its first bytes', 400, 'identify', () => Buffer.from([0xff, 0xd8, 0xff, 0xe0])],
    ['an SVG', 400, 'identify', () => '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'],
    ['zeros', 400, 'embed', () => new Uint8Array(5000)],
    ['half of JSON', 400, 'identify', () => '{"photo": "', json],
    ['JSON of another kind', 400, 'identify', () => '[1, 2]', json],
    ['null', 400, 'identify', () => 'null', json],
    ['JSON without a photo', 400, 'identify', () => '{}', json],
    ['JSON with more', 400, 'identify', () => '{"photo": "", "more": 1}', json],
    ['a photo that is no base64', 400, 'identify', () => '{"photo": "%%%%"}', json],
    ['a photo that is a list', 400, 'identify', () => '{"photo": [[1], 2]}', json],
    ['JSON that means a prototype', 400, 'identify', () => '{"__proto__": {"photo": ""}}', json],
    ['JSON nested deeply', 400, 'identify', () => '['.repeat(50_000), json],
    ['another type', 415, 'identify', () => 'a=1', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['a form', 415, 'identify', () => '--x--', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['another option', 400, 'identify?tpo=3', () => red!],
    ['an option out of range', 400, 'identify?top=0', () => red!],
    ['an option that is no number', 400, 'identify?far=much', () => red!],
    ['doubt below far', 400, 'identify?far=0.5&doubt=0.1', () => red!],
    ['a name that is too long', 400, `people/${'x'.repeat(4097)}/images`, () => red!],
    ['a name of half a character', 400, 'people/%ED%A0%80/images', () => red!],
    ['a path that is none', 404, 'nothing', () => red!],
    ['100 MB', 413, 'identify', () => new Uint8Array(1e8)],
    ['a decompression bomb', 413, 'identify', () => png(50_000, 50_000)],
    ['a decompression bomb to enrol', 413, 'people/Ada/images', () => png(50_000, 50_000)],
  ];
  it.each(cases)('%s: refused with %i, and the server lives', async (_, status, path, body, headers) => {
    if (path.includes('doubt')) await served.gallery.calibrate(calibration);
    if (path.includes('far=0.5')) await served.gallery.enrol([{ person: 'Ada', images: [{ embedding: [1, 0, 0] }] }]);
    // A client that is refused while it sends may find the connection closed.
    const response = await served
      .ask(path, 'POST', body(), { 'content-type': 'image/png', ...headers })
      .catch((error) => error);
    if (response instanceof Error) expect(status, String(response.cause)).toBe(413);
    else {
      const text = await response.text();
      expect([response.status, text]).toEqual([status, expect.stringContaining('"message"')]);
      const { error } = JSON.parse(text);
      expect(Object.keys(error)).toEqual(expect.arrayContaining(['where', 'what', 'got', 'expected', 'message']));
      expect(text).not.toMatch(/\\n|\.ts:|node_modules/);
    }
    expect((await served.ask('health')).status).toBe(200);
  });

  it('slow clients, and what is no HTTP, are refused', async () => {
    const slow = (text: string) => raw(served, text);
    const [head, body, none] = await Promise.all([
      slow('GET /people HTTP/1.1\r\nHost: 127.0'),
      slow('POST /identify HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\nabc'),
      slow('\x16\x03\x01 what\r\n\r\n'),
    ]);
    expect(head).toMatch(/^HTTP\/1.1 408 /);
    expect(body).toMatch(/^HTTP\/1.1 408 /);
    expect(none).toMatch(/^HTTP\/1.1 400 /);
    expect(none).toContain('"error":{');
    await expect.poll(async () => (await served.ask('health')).json()).toEqual({ status: 'ok', waiting: 0 });
  });
});

describe('what is not the fault of the client', () => {
  it('is not said to be: a disk that is full is 500, said where the server runs, without its paths', async () => {
    const storage = memoryStorage();
    const served = await serveColours({ minSharpness: 0 }, colourModel(), {
      ...storage,
      append: async () => {
        const parts = { where: 'fileStorage', what: '/srv/secret', got: 'full', expected: 'room' };
        throw new ProtomemError(parts);
      },
    });
    const said = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const response = await served.ask('people/Ada/images', 'POST', red);
    const text = await response.text();
    expect([response.status, text.includes('secret')]).toEqual([500, false]);
    expect(String(said.mock.calls[0]?.[0])).toContain('/srv/secret');
    said.mockRestore();
    await served.close();
  });

  it.each([
    ['removed', 'people/Ada', 'DELETE'],
    ['verified', 'people/Ada/verify', 'POST'],
  ])('somebody who is removed before they are %s is not there: 404', async (_, path, method) => {
    const storage = memoryStorage();
    const append: typeof storage.append = async (bytes) => {
      await sleep(100);
      return storage.append(bytes);
    };
    const served = await serveColours({ minSharpness: 0 }, colourModel(), { ...storage, append });
    await served.ask('people/Ada/images', 'POST', red);
    const first = served.ask('people/Ada', 'DELETE');
    await sleep(30);
    const second = served.ask(path, method, method === 'POST' ? red : undefined);
    expect([(await first).status, (await second).status]).toEqual([200, 404]);
    await served.close();
  });
});

describe('stopping', () => {
  const head = 'POST /embed HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\nContent-Length: 99\r\n\r\n';
  it.each([
    ['is silent', ''],
    ['drips its headers', 'GET /people HTTP/1.1\r\nX: '],
    ['drips its photo', head],
  ])('waits no longer for a client that %s than any may take', async (_, first) => {
    const served = await serveColours({ timeout: 1 });
    const socket = connect(Number(new URL(served.url).port), '127.0.0.1');
    const gone = new Promise((resolve) => socket.on('error', () => undefined).on('close', resolve));
    await new Promise((resolve) => socket.on('connect', resolve));
    socket.write(first);
    const dripping = setInterval(() => first !== '' && socket.write('x'), 100);
    await sleep(50);
    await served.close();
    await gone;
    clearInterval(dripping);
  });
});

describe('requests that come together', () => {
  it('go through the encoder together, and get what they get one by one', async () => {
    const photos = await Promise.all(Array.from({ length: 24 }, (_, i) => photo(8 * i, 200 - 8 * i, 40)));
    const served = await serveColours({ batch: 16, minSharpness: 0 }, colourModel(50));
    const embed = async (one: Buffer) =>
      ((await (await served.ask('embed', 'POST', one)).json()) as { faces: { embedding: number[] }[] }).faces[0]!
        .embedding;
    const together = await Promise.all(photos.map(embed));
    const calls = [...served.model.calls];
    expect(calls.length).toBeLessThan(photos.length / 2);
    expect(Math.max(...calls)).toBeLessThanOrEqual(16);
    expect(calls.reduce((sum, count) => sum + count, 0)).toBe(photos.length);
    for (const [i, one] of photos.entries()) expect(await embed(one)).toEqual(together[i]);
    expect(served.model.calls).toHaveLength(calls.length + photos.length);
    await served.close();
  });

  it('are waited for while they are unpacked, but not for ever', async () => {
    const model = colourModel();
    let unpacked = 1;
    const batched = batchEmbeddings(model, { wait: 5, coming: () => unpacked });
    const face = () => batched.embed(new Uint8Array(16 * 16 * 3), 1, false);
    const first = face();
    await new Promise((resolve) => setTimeout(resolve, 20));
    unpacked = 0;
    await Promise.all([first, face()]);
    expect(model.calls).toEqual([2]);
    unpacked = 1;
    await face();
    expect(model.calls).toEqual([2, 1]);
  });

  it('find turns of the event loop between batches, each of which takes one new connection', async () => {
    let turns = 0;
    const turn = (): unknown => turns++ < 1000 && setImmediate(turn);
    const model = colourModel();
    const at: number[] = [];
    const embed = (...given: Parameters<typeof model.embed>) => {
      at.push(turns);
      return model.embed(...given);
    };
    const batched = batchEmbeddings({ ...model, embed }, { batch: 1 });
    const faces = Array.from({ length: 3 }, () => batched.embed(new Uint8Array(16 * 16 * 3), 1, false));
    turn();
    await Promise.all(faces);
    expect(at[1]! - at[0]!).toBeGreaterThanOrEqual(64);
    expect(at[2]! - at[1]!).toBeGreaterThanOrEqual(64);
  });

  it('fail alone where the encoder refuses one face', async () => {
    const model = colourModel();
    const embed = model.embed;
    const failing = batchEmbeddings(
      {
        ...model,
        embed: async (pixels, count, flip) =>
          pixels.includes(255) ? Promise.reject(new Error('no')) : embed(pixels, count, flip),
      },
      { wait: 5 },
    );
    const face = (value: number) => failing.embed(new Uint8Array(16 * 16 * 3).fill(value), 1, false);
    const [first, bad, last] = await Promise.allSettled([face(1), face(255), face(3)]);
    expect([first, bad.status, last]).toEqual([
      { status: 'fulfilled', value: Float32Array.of(1, 1, 1) },
      'rejected',
      { status: 'fulfilled', value: Float32Array.of(3, 3, 3) },
    ]);
  });

  it('are refused beyond the queue, with the time to come back, and answered later', async () => {
    const served = await serveColours({ queue: 4, batch: 1 }, colourModel(100));
    const all = await Promise.all(Array.from({ length: 10 }, () => served.ask('embed', 'POST', red)));
    const refused = all.filter(({ status }) => status === 503);
    expect(all.filter(({ status }) => status === 200)).toHaveLength(4);
    expect(refused.map((one) => one.headers.get('retry-after'))).toEqual(Array(6).fill('1'));
    expect(await refused[0]!.text()).toContain('the queue is');
    await Promise.all(all.filter(({ status }) => status === 200).map((one) => one.text()));
    expect((await served.ask('embed', 'POST', red)).status).toBe(200);
    await served.close();
  });

  it.each(['unpacked', 'embedded'])('hold their places while they are %s, whoever has left', async (step) => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const model = colourModel();
    const embed: typeof model.embed = async (...given) => gate.then(() => model.embed(...given));
    const faces = async () => gate.then(detect);
    const served = await serveColours(
      { queue: 6, minSharpness: 0, ...(step === 'unpacked' ? { detect: faces } : {}) },
      step === 'embedded' ? { ...model, embed } : model,
    );
    const waiting = async () => ((await (await served.ask('health')).json()) as { waiting: number }).waiting;
    const clients = Array.from({ length: 6 }, () => new AbortController());
    const gone = clients.map(({ signal }) =>
      fetch(new URL('embed', served.url), {
        ...{ method: 'POST', signal, body: new Uint8Array(red!), headers: { 'content-type': 'image/png' } },
      }).catch(() => undefined),
    );
    await expect.poll(waiting).toBe(6);
    await sleep(100);
    for (const client of clients) client.abort();
    await Promise.all(gone);
    await sleep(100);
    expect(await waiting()).toBe(6);
    expect((await served.ask('embed', 'POST', red)).status).toBe(503);
    open();
    await expect.poll(waiting).toBe(0);
    expect((await served.ask('embed', 'POST', red)).status).toBe(200);
    await served.close();
  });

  it('are answered when the server stops', async () => {
    const served = await serveColours({}, colourModel(200));
    const asked = served.ask('embed', 'POST', red);
    while (served.model.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await served.close();
    expect((await asked).status).toBe(200);
    await expect(served.ask('health')).rejects.toThrow();
  });
});

if (!chromium) console.log('the page is not tried: no Chromium here; PROTOMEM_CHROMIUM names one');

describe.skipIf(!chromium)('the page', () => {
  it('enrols a photo and names who is on it, under its policy, with nothing from elsewhere', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'protomem-page-'));
    const served = await serveColours({ detect, minSharpness: 0 });
    const browser = await puppeteer.launch({ executablePath: chromium!, args: ['--no-sandbox', '--disable-gpu'] });
    try {
      await writeFile(join(dir, 'ada.png'), red!);
      const tab = await browser.newPage();
      const [asked, faults]: string[][] = [[], []];
      tab.on('request', (request) => asked!.push(request.url()));
      tab.on('console', (message) => message.type() === 'error' && faults!.push(message.text()));
      await tab.goto(served.url);
      const said = (text: string) =>
        tab.waitForFunction(`document.getElementById('said').textContent.includes(${JSON.stringify(text)})`);
      await (await tab.$('#file'))!.uploadFile(join(dir, 'ada.png'));
      await said('nobody is enrolled');
      await tab.type('#person', '<b>Ada</b>');
      await tab.click('#enrol');
      await said('<b>Ada</b> has 1 images now');
      const box = await tab.evaluate(
        `(({ style, textContent }) => ({ width: style.width, text: textContent }))(document.querySelector('.box'))`,
      );
      expect(box).toEqual({ width: expect.stringMatching(/^\d+(\.\d+)?%$/), text: '<b>Ada</b> 1.000' });
      expect(asked!.filter((url) => !url.startsWith(served.url) && !/^(blob|data):/.test(url))).toEqual([]);
      expect(faults).toEqual([]);
    } finally {
      await browser.close();
      await served.close();
      await rm(dir, { recursive: true });
    }
  });
});
