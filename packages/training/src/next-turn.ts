/**
 * Lets timers, signals, pages and promises of others have their turn. No timer is waited for: browsers put off those of
 * pages that nobody looks at, and all others by four milliseconds.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') return void setImmediate(resolve);
    const { port1, port2 } = new MessageChannel() as unknown as { readonly port1: Port; readonly port2: Port };
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** As browsers have it, for which there are no types here. */
interface Port {
  onmessage: () => void;
  postMessage(message: undefined): void;
  close(): void;
}
