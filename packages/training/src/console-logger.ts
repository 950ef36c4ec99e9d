import { option, part, printableLines } from '@protomem/core';
import { MultiBar, type SingleBar } from 'cli-progress';
import type { Logger, RunInfo } from './logger.ts';

/** What is used of a stream, in no words of Node's types, which pages need not have. */
interface TextStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const consoleLoggerOptions = {
  stream: option.given<TextStream>()({
    help: 'Where to write.',
    absent: '`process.stderr`',
  }),
  every: option.number({
    help: 'Seconds between two lines when the stream is no terminal.',
    ...{ min: 0, max: 86_400, default: 5 },
  }),
};

/**
 * Shows progress to a person: a bar on a terminal; elsewhere a plain line every few seconds, and for the first and the
 * last step. Metrics without `train/loss`, such as an evaluation's, get a line of their own at once.
 *
 * @example
 * ```ts
 * createTrainer({ ...parts, loggers: [consoleLogger()] });
 * // step 120/2000  epoch 1.2  loss 3.412  rate 0.098  85 images/s (3 % waiting)  2 min 05 s left
 * ```
 */
export const consoleLogger = part(
  'consoleLogger',
  consoleLoggerOptions,
  ({ stream = process.stderr, every }): Logger => {
    const show: Shown = stream.isTTY ? onTerminal(stream) : asLines(stream, every);
    let run: RunInfo = { step: 0, steps: 0, batchSize: 0, batchesPerEpoch: 0 };
    return {
      start(info) {
        run = info;
        show.start(info);
      },
      log(metrics, step) {
        if ('train/loss' in metrics)
          show.progress(step, describe(metrics, Number.isFinite(run.batchesPerEpoch)), run.steps);
        else show.line(`step ${step}: ${list(metrics)}`);
      },
      message: (text) => show.line(printableLines(text)),
      close: () => show.close(),
    };
  },
);

interface Shown {
  start(run: RunInfo): void;
  progress(step: number, text: string, steps: number): void;
  line(text: string): void;
  close(): void;
}

function asLines(stream: TextStream, every: number): Shown {
  let next = 0;
  return {
    start() {
      next = 0;
    },
    progress(step, text, steps) {
      const now = performance.now();
      if (now < next && step < steps) return;
      next = now + every * 1000;
      stream.write(`step ${step}/${steps}  ${text}\n`);
    },
    line: (text) => void stream.write(`${text}\n`),
    close: () => undefined,
  };
}

function onTerminal(stream: TextStream): Shown {
  let bars: MultiBar | undefined;
  let bar: SingleBar | undefined;
  return {
    start({ step, steps }) {
      bars = new MultiBar({
        stream: stream as NodeJS.WritableStream,
        format: '{bar} {value}/{total}  {text}',
        barsize: 20,
        barCompleteChar: '█',
        barIncompleteChar: '░',
        hideCursor: true,
        // A message clears the bar's line.
        forceRedraw: true,
        // Ctrl-C belongs to the application, which saves a checkpoint first.
        gracefulExit: false,
      });
      bar = bars.create(steps, step, { text: '' });
    },
    progress: (step, text) => bar?.update(step, { text }),
    line(text) {
      if (!bars) return void stream.write(`${text}\n`);
      bars.log(`${text}\n`);
      bars.update();
    },
    close() {
      bars?.stop();
      bars = bar = undefined;
    },
  };
}

function describe(metrics: Readonly<Record<string, number>>, hasEpochs: boolean): string {
  const of = (name: string) => metrics[name] ?? 0;
  const parts = [
    ...(hasEpochs ? [`epoch ${of('progress/epoch').toFixed(1)}`] : []),
    `loss ${short(of('train/loss'))}`,
    `rate ${short(of('train/learning_rate'))}`,
    `${short(of('speed/images_per_second'))} images/s (${Math.round(100 * of('speed/waiting_share'))} % waiting)`,
    `${duration(of('speed/seconds_left'))} left`,
  ];
  return parts.join('  ');
}

function list(metrics: Readonly<Record<string, number>>): string {
  return Object.entries(metrics)
    .map(([name, value]) => `${name} ${short(value)}`)
    .join(', ');
}

function short(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

/** Seconds as `12 s`, `2 min 05 s` or `1 h 03 min`. */
export function duration(seconds: number): string {
  const s = Math.round(seconds);
  const two = (n: number) => String(n).padStart(2, '0');
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${two(Math.floor(s / 60) % 60)} min`;
}
