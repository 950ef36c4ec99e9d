import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { crc32c } from '@protomem/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { consoleLogger } from './console-logger.ts';
import { jsonlLogger } from './jsonl-logger.ts';
import type { RunInfo } from './logger.ts';
import { readRunLog } from './read-log.ts';
import { tensorboardLogger } from './tensorboard-logger.ts';

const info = (step: number): RunInfo => ({ step, steps: 10, batchSize: 4, batchesPerEpoch: 5 });
const metrics = (loss: number) => ({
  'train/loss': loss,
  'train/learning_rate': 0.05,
  'progress/epoch': 1.26,
  'speed/images_per_second': 84.96,
  'speed/waiting_share': 0.031,
  'speed/seconds_left': 3785,
});

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'protomem-loggers-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('jsonlLogger', () => {
  const read = async (path: string) =>
    (await readFile(path, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));

  it('appends lines and drops those that a resume does again', async () => {
    const path = join(directory, 'run', 'metrics.jsonl');
    const first = jsonlLogger(path);
    await first.start?.(info(0));
    for (let step = 1; step <= 5; step++) first.log({ 'train/loss': step / 2 }, step);
    first.log({ 'test/accuracy': 0.5 }, 3);
    await first.close();
    // A kill in the middle of a write.
    await writeFile(path, `${await readFile(path, 'utf8')}{"step":6,"tra`);

    const second = jsonlLogger(path);
    await second.start?.(info(3));
    second.log({ 'train/loss': 9 }, 4);
    await second.close();
    const lines = await read(path);
    expect(lines.map((line) => [line.step, line['train/loss'] ?? line['test/accuracy']])).toEqual([
      [1, 0.5],
      [2, 1],
      [3, 1.5],
      [3, 0.5],
      [4, 9],
    ]);
    expect(lines[0].time).toBeCloseTo(Date.now() / 1000, -2);
  });

  it('notes what a resume changed, once, however often it is tried', async () => {
    const path = join(directory, 'metrics.jsonl');
    const changes = (now: number) => [{ key: 'config.rate', saved: 0.1, now }];
    for (const [step, now] of [
      [2, 0.01],
      [2, 0.02],
      [4, 0.03],
    ] as const) {
      const logger = jsonlLogger(path);
      await logger.start?.(info(step));
      logger.changes?.(changes(now), step);
      logger.log({ 'train/loss': 1 }, step + 1);
      await logger.close();
    }
    const log = await readRunLog(path);
    expect(log.changes).toEqual([2, 4].map((step) => ({ step, ...changes(step === 2 ? 0.02 : 0.03)[0] })));
    expect(log.steps.map(({ step }) => step)).toEqual([3, 5]);
  });

  it('begins an empty file for a new run', async () => {
    const path = join(directory, 'metrics.jsonl');
    await writeFile(path, '{"step":1}\n{"step":2}\n');
    const logger = jsonlLogger(path);
    await logger.start?.(info(0));
    await logger.close();
    expect(await readFile(path, 'utf8')).toBe('');
  });

  it('names the file that it cannot write', async () => {
    const path = join(directory, 'a-folder');
    await mkdir(path);
    const logger = jsonlLogger(path);
    await expect(logger.start?.(info(0))).rejects.toThrow(/jsonlLogger: writing .*a-folder is "refused: EISDIR/);
  });
});

describe('tensorboardLogger', () => {
  it('has the checksum of RFC 3720', () => {
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283);
  });

  it('writes framed events that parse back', async () => {
    const logger = tensorboardLogger(directory);
    await logger.start?.(info(300));
    logger.log({ 'train/loss': 0.25, 'head/occupancy': 1 }, 301);
    await logger.close();
    const [name] = await readdir(directory);
    expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\.\d+\.300$/);
    const events = records(await readFile(join(directory, name!))).map(fields);
    expect(events.map((event) => Object.keys(event))).toEqual([
      ['1', '2', '3'],
      ['1', '2', '7'],
      ['1', '2', '5'],
    ]);
    expect(Buffer.from(events[0]![3] as Uint8Array).toString()).toBe('brain.Event:2');
    expect(events[1]![2]).toBe(301);
    expect(events[2]![2]).toBe(301);
    const summary = Buffer.from(events[2]![5] as Uint8Array);
    const value = fields(summary.subarray(2, 2 + summary[1]!));
    expect(Buffer.from(value[1] as Uint8Array).toString()).toBe('train/loss');
    expect(new DataView((value[2] as Uint8Array).buffer).getFloat32(0, true)).toBe(0.25);
  });
});

describe('consoleLogger', () => {
  function sink(isTTY: boolean) {
    const stream = Object.assign(
      new Writable({
        write(chunk, _, done) {
          stream.text += chunk;
          done();
        },
      }),
      { isTTY, columns: 160, text: '' },
    );
    return stream;
  }

  it('writes plain lines where there is no terminal: the first step, the last, and evaluations', async () => {
    const stream = sink(false);
    const logger = consoleLogger({ stream, every: 1000 });
    await logger.start?.(info(0));
    for (let step = 1; step <= 10; step++) logger.log(metrics(3.41234), step);
    logger.log({ 'test/accuracy': 0.87654, 'test/pairs': 600 }, 10);
    logger.message?.('Left out: bad.jpg: cut short');
    await logger.close();
    const line = 'epoch 1.3  loss 3.412  rate 0.05  84.96 images/s (3 % waiting)  1 h 03 min left';
    expect(stream.text.split('\n')).toEqual([
      `step 1/10  ${line}`,
      `step 10/10  ${line}`,
      'step 10: test/accuracy 0.8765, test/pairs 600',
      'Left out: bad.jpg: cut short',
      '',
    ]);
  });

  it('draws a bar on a terminal, keeps messages above it and leaves Ctrl-C alone', async () => {
    const stream = sink(true);
    const listeners = process.listenerCount('SIGINT');
    const logger = consoleLogger({ stream });
    await logger.start?.(info(2));
    logger.log(metrics(3.4), 3);
    logger.message?.('Left out: bad.jpg');
    expect(process.listenerCount('SIGINT')).toBe(listeners);
    await logger.close();
    expect(stream.text).toContain('3/10  epoch 1.3  loss 3.4');
    expect(stream.text).toContain('Left out: bad.jpg\n');
  });
});

function records(file: Uint8Array): Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const unmasked = (offset: number) => {
    const rotated = (view.getUint32(offset, true) - 0xa282ead8) >>> 0;
    return ((rotated << 15) | (rotated >>> 17)) >>> 0;
  };
  const found: Uint8Array[] = [];
  for (let offset = 0; offset < file.length; ) {
    const length = Number(view.getBigUint64(offset, true));
    const body = file.subarray(offset + 12, offset + 12 + length);
    expect(unmasked(offset + 8)).toBe(crc32c(file.subarray(offset, offset + 8)));
    expect(unmasked(offset + 12 + length)).toBe(crc32c(body));
    found.push(body);
    offset += length + 16;
  }
  return found;
}

/** Fields of a protobuf message by number: varints as numbers, the rest as copies of their bytes. */
function fields(message: Uint8Array): Record<number, number | Uint8Array> {
  const found: Record<number, number | Uint8Array> = {};
  let offset = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[offset++]!;
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  while (offset < message.length) {
    const key = varint();
    const kind = key % 8;
    if (kind === 0) found[key >> 3] = varint();
    else {
      const length = kind === 1 ? 8 : kind === 5 ? 4 : varint();
      found[key >> 3] = Uint8Array.from(message.subarray(offset, offset + length));
      offset += length;
    }
  }
  return found;
}
