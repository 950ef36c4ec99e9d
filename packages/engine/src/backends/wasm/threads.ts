/** Pointers first, then sizes. */
export type Loop = (...pointersAndSizes: number[]) => void;

/** What is used of a worker, of Node's and of a browser's. */
export interface ThreadWorker {
  postMessage(message: unknown): void;
}

/** How many threads loops run on, and how one is begun that runs a text of JavaScript. */
interface Threading {
  readonly count: number;
  readonly begin: (source: string) => ThreadWorker;
}

let threading: Threading | undefined;

/** To be said before the first loop runs. Default: one thread. */
export function useThreads(count: number, begin: (source: string) => ThreadWorker): void {
  threading = { count, begin };
}

/**
 * What the threads share, numbers of 32 bits. In `ticket` are the number of a batch of calls, how many they are and which is
 * next; who raises it by one carries that one out, and nobody writes to the others before all are `done`.
 */
const layout = {
  ...{ ticket: 0, done: 1, failed: 2, loop: 3, calls: 4 },
  /** Numbers of each call, and calls, at most. */
  numbers: 32,
  most: 128,
  /** Turns that a thread without work looks out for some before it goes to sleep. */
  spins: 2000,
};

/** Runs in each worker, from its text: it sees nothing of this module. */
function work({ module, memory, names, control, layout }: Message): void {
  const { ticket, done, failed, loop, calls, numbers, spins } = layout;
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  for (let idle = 0; ; idle++) {
    const now = Atomics.load(control, ticket);
    const [next, count] = [now & 255, (now >> 8) & 255];
    if (next >= count) {
      if (idle > spins) Atomics.wait(control, ticket, now);
      continue;
    }
    if (Atomics.compareExchange(control, ticket, now, now + 1) !== now) continue;
    idle = 0;
    try {
      const at = calls + next * numbers;
      exports[names[control[loop]!]!]!(...control.subarray(at, at + numbers));
    } catch {
      Atomics.store(control, failed, 1);
    }
    Atomics.add(control, done, 1);
    Atomics.notify(control, done);
  }
}

declare const WebAssembly: {
  Instance: new (module: object, imports: object) => { readonly exports: Record<string, Loop> };
};

interface Message {
  readonly module: object;
  readonly memory: object;
  readonly names: readonly string[];
  readonly control: Int32Array;
  readonly layout: typeof layout;
}

const source = `
const node = typeof require === 'function' ? require('node:worker_threads').parentPort : undefined;
const work = ${work};
if (node) node.once('message', work);
else self.onmessage = ({ data }) => work(data);
`;

export interface Threads {
  readonly count: number;
  /** Carries out calls of the loop of this number, whose function here is `own`. */
  run(loop: number, calls: readonly (readonly number[])[], own: Loop): void;
}

/** Begins the threads that {@link useThreads} asked for; undefined where that is one. */
export function startThreads(message: Pick<Message, 'module' | 'memory' | 'names'>): Threads | undefined {
  if (!threading || threading.count < 2) return undefined;
  const { count, begin } = threading;
  const control = new Int32Array(new SharedArrayBuffer(4 * (layout.calls + layout.most * layout.numbers)));
  for (let i = 1; i < count; i++) begin(source).postMessage({ ...message, control, layout });
  const mayWait = canWait(control);
  let batch = 0;
  return {
    count,
    run(loop, calls, own) {
      for (let first = 0; first < calls.length; first += layout.most)
        some(loop, calls.slice(first, first + layout.most), own);
    },
  };

  function some(loop: number, calls: readonly (readonly number[])[], own: Loop): void {
    control[layout.loop] = loop;
    control[layout.done] = 0;
    calls.forEach((call, i) => {
      control.set(call, layout.calls + i * layout.numbers);
    });
    batch = (batch + 1) & 0x7fff;
    Atomics.store(control, layout.ticket, (batch << 16) | (calls.length << 8));
    Atomics.notify(control, layout.ticket);
    let error: unknown;
    for (;;) {
      const next = Atomics.add(control, layout.ticket, 1) & 255;
      if (next >= calls.length) break;
      try {
        own(...calls[next]!);
      } catch (cause) {
        error = cause;
      }
      Atomics.add(control, layout.done, 1);
    }
    // Those who took one before are at it.
    for (let turns = 0; ; turns++) {
      const done = Atomics.load(control, layout.done);
      if (done === calls.length) break;
      if (mayWait && turns > layout.spins) Atomics.wait(control, layout.done, done);
    }
    const failed = Atomics.exchange(control, layout.failed, 0) === 1;
    if (error) throw error;
    if (failed) throw new Error(`a thread failed at loop ${message.names[loop]}`);
  }
}

/** The thread that a browser's page is drawn by must not sleep. */
function canWait(control: Int32Array): boolean {
  try {
    return Atomics.wait(control, layout.done, -1, 0) !== undefined;
  } catch {
    return false;
  }
}
