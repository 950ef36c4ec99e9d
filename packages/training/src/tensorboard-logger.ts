import { join } from 'node:path';
import { type AppendFile, appendFile } from './append-file.ts';
import type { Logger } from './logger.ts';
import { tfRecord } from './tfrecord.ts';

/** Field numbers of tensorflow/core/util/event.proto and summary.proto. */
const Event = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 } as const;
const SUMMARY_VALUE = 1;
const SummaryValue = { tag: 1, simpleValue: 2 } as const;
const SESSION_STATUS = 1;
const SESSION_START = 1;

/**
 * Writes scalars as TensorBoard event files, one file a run or resume, `events.out.tfevents.TIME.PID.STEP`.
 * A resumed run tells TensorBoard to forget what an earlier file says of steps that are now done again.
 *
 * @param directory is made when missing; show it with `tensorboard --logdir DIRECTORY`.
 * @example
 * ```ts
 * createTrainer({ ...parts, loggers: [tensorboardLogger('run/tensorboard')] });
 * ```
 */
export function tensorboardLogger(directory: string): Logger {
  let file: AppendFile | undefined;
  const write = (step: number, ...content: Uint8Array[]) => {
    const event = joined(double(Event.wallTime, Date.now() / 1000), varint(Event.step, step), ...content);
    file?.write(tfRecord(event));
  };
  return {
    start({ step }) {
      const seconds = String(Math.floor(Date.now() / 1000)).padStart(10, '0');
      file = appendFile('tensorboardLogger', join(directory, `events.out.tfevents.${seconds}.${process.pid}.${step}`));
      write(0, text(Event.fileVersion, 'brain.Event:2'));
      write(step + 1, bytes(Event.sessionLog, varint(SESSION_STATUS, SESSION_START)));
    },
    log(metrics, step) {
      const values = Object.entries(metrics).map(([tag, value]) =>
        bytes(SUMMARY_VALUE, joined(text(SummaryValue.tag, tag), float(SummaryValue.simpleValue, value))),
      );
      write(step, bytes(Event.summary, joined(...values)));
    },
    close() {
      file?.close();
      file = undefined;
    },
  };
}

// Protocol buffers' wire format: a key (field number and kind), then a varint, 8 bytes, a length and bytes, or 4 bytes.

function varint(field: number, value: number): Uint8Array {
  return Uint8Array.from([...varintBytes(field * 8), ...varintBytes(value)]);
}

function double(field: number, value: number): Uint8Array {
  const found = new Uint8Array(9);
  found[0] = field * 8 + 1;
  new DataView(found.buffer).setFloat64(1, value, true);
  return found;
}

function float(field: number, value: number): Uint8Array {
  const found = new Uint8Array(5);
  found[0] = field * 8 + 5;
  new DataView(found.buffer).setFloat32(1, value, true);
  return found;
}

function bytes(field: number, content: Uint8Array): Uint8Array {
  return joined(Uint8Array.from([...varintBytes(field * 8 + 2), ...varintBytes(content.length)]), content);
}

function text(field: number, value: string): Uint8Array {
  return bytes(field, new TextEncoder().encode(value));
}

function varintBytes(value: number): number[] {
  const found: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) found.push((value % 128) + 128);
  return [...found, value];
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
