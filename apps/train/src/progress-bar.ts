import { SingleBar } from 'cli-progress';

/** A bar with the time left; a line every 5 s where there is no terminal. */
export function progressBar(things: string): SingleBar {
  return new SingleBar({
    format: `{bar} {value}/{total} ${things}, {eta_formatted} left`,
    hideCursor: true,
    gracefulExit: false,
    noTTYOutput: true,
    notTTYSchedule: 5000,
  });
}

/** A bar for work that reports what it has done; it starts with the first report. */
export function reportingBar(things: string) {
  const bar = progressBar(things);
  let started = false;
  return {
    onProgress({ done, total }: { readonly done: number; readonly total: number }): void {
      if (!started) bar.start(total, 0);
      started = true;
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}
