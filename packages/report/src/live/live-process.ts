import { setPriority } from 'node:os';
import type { FromLive, ToLive } from './live-data.ts';
import { type LiveServer, startLiveServer } from './live-server.ts';

/**
 * The page's own process: what it does never stands between two steps, and it takes the processor only where training
 * leaves it free. It ends when the training process does, however that ends.
 */
let server: LiveServer | undefined;

const tell = (message: FromLive): void => {
  if (process.connected) process.send!(message);
};

async function hear(message: ToLive): Promise<void> {
  if (message.kind === 'snapshot') server?.snapshot(message.snapshot);
  else if (message.kind === 'over') {
    await server?.close(message.text);
    process.exit();
  } else {
    try {
      server = await startLiveServer({ ...message.run, onWatched: (watched) => tell({ kind: 'watched', watched }) });
      tell({ kind: 'listening', url: server.url });
    } catch (error) {
      tell({ kind: 'refused', code: (error as NodeJS.ErrnoException).code ?? (error as Error).message });
    }
  }
}

try {
  setPriority(19);
} catch {
  // Not every system lets a process step back.
}
// Ctrl-C and the end of a terminal reach every process of it; the training process says when it is over.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('message', (message: ToLive) => void hear(message));
process.on('disconnect', () => process.exit());
