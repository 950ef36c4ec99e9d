/** Runs tasks at most `width` at a time, first come, first served. */
export function createLimiter(width: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running === width) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await task();
    } finally {
      // A waiting task takes over the place; the count changes only when nobody waits.
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
