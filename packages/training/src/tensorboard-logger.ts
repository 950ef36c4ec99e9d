import { join } from 'node:path';
import { tfRecord } from '@protomem/core';
import { protobuf } from '@protomem/core/node';
import { type AppendFile, appendFile } from './append-file.ts';
import type { Logger } from './logger.ts';
import { curveValue, histogramValue, imageValue, scalarValue } from './tensorboard-values.ts';

const { bytes, double, joined, text, varint } = protobuf;

/** Field numbers of tensorflow/core/util/event.proto. */
const Event = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 } as const;
const SESSION_STATUS = 1;
const SESSION_START = 1;

/**
 * Writes scalars, histograms, images and precision-recall curves as TensorBoard event files, one file a run or resume,
 * `events.out.tfevents.TIME.PID.STEP`. A cosine c of a curve stands at (1 + c) / 2, because TensorBoard's thresholds lie
 * between 0 and 1.
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
  const summary = <T>(
    encode: (tag: string, value: T) => Uint8Array,
    named: Readonly<Record<string, T>>,
    step: number,
  ) => write(step, bytes(Event.summary, ...Object.entries(named).map(([tag, value]) => encode(tag, value))));
  return {
    start({ step }) {
      const seconds = String(Math.floor(Date.now() / 1000)).padStart(10, '0');
      file = appendFile('tensorboardLogger', join(directory, `events.out.tfevents.${seconds}.${process.pid}.${step}`));
      write(0, text(Event.fileVersion, 'brain.Event:2'));
      write(step + 1, bytes(Event.sessionLog, varint(SESSION_STATUS, SESSION_START)));
    },
    log(metrics, step) {
      summary(scalarValue, metrics, step);
    },
    histograms: (distributions, step) => summary(histogramValue, distributions, step),
    images: (images, step) => summary(imageValue, images, step),
    curves: (curves, step) => summary(curveValue, curves, step),
    close() {
      file?.close();
      file = undefined;
    },
  };
}
