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
