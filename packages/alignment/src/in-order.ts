/**
 * Runs a task for each item, some at a time, and hands the results over in the items' order. When one fails, or the
 * reader stops, those under way are waited for and no other is begun.
 *
 * @param atATime tasks begun whose results have not been handed over yet, at most.
 */
export async function* inOrder<T, R>(
  items: AsyncIterable<T>,
  atATime: number,
  task: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const begun: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const result = task(item);
      // Its failure is met when its turn comes; until then it is not unheard of.
      result.catch(() => undefined);
      begun.push(result);
      if (begun.length >= atATime) yield await begun.shift()!;
    }
    while (begun.length > 0) yield await begun.shift()!;
  } finally {
    await Promise.allSettled(begun);
  }
}
