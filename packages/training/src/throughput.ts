/** Speed over the last steps. */
export interface Throughput {
  /** @param seconds the step took, `waiting` of them for its batch. */
  add(images: number, seconds: number, waiting: number): void;
  /** Images a second; 0 before the first step. */
  imagesPerSecond(): number;
  /** Share of the time spent waiting for data, 0 to 1. */
  waitingShare(): number;
  secondsPerStep(): number;
  /** Of the step added last; 0 before the first. */
  lastStepSeconds(): number;
}

/**
 * Measures speed over a sliding window, so that a slow start does not spoil the forecast.
 *
 * @param window steps. Default 50.
 */
export function createThroughput(window = 50): Throughput {
  const steps: { images: number; seconds: number; waiting: number }[] = [];
  const total = (key: 'images' | 'seconds' | 'waiting') => steps.reduce((sum, step) => sum + step[key], 0);
  const ratio = (a: number, b: number) => (b > 0 ? a / b : 0);
  return {
    add(images, seconds, waiting) {
      steps.push({ images, seconds, waiting });
      if (steps.length > window) steps.shift();
    },
    imagesPerSecond: () => ratio(total('images'), total('seconds')),
    waitingShare: () => ratio(total('waiting'), total('seconds')),
    secondsPerStep: () => ratio(total('seconds'), steps.length),
    lastStepSeconds: () => steps.at(-1)?.seconds ?? 0,
  };
}
