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

/** Calls of a loop at most, and numbers of each. */
const [MOST_CALLS, MOST_NUMBERS] = [128, 32];

/**
 * What the threads share, numbers of 32 bits. In `ticket` are the number of a batch of calls, how many they are and which is
 * next; who raises it by one carries that one out, and nobody writes to the others before all are `done`.
 */
const [TICKET, DONE, FAILED, LOOP, CALLS] = [0, 1, 2, 3, 4];

/** Runs in each worker, from its text: it sees nothing of this module. */
function work({ module, memory, names, control, sizes }: Message): void {
  const [TICKET, DONE, FAILED, LOOP, CALLS, MOST_NUMBERS, SPINS] = sizes as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  for (let idle = 0; ; idle++) {
    const ticket = Atomics.load(control, TICKET);
    const [next, count] = [ticket & 255, (ticket >> 8) & 255];
    if (next >= count) {
      if (idle > SPINS) Atomics.wait(control, TICKET, ticket);
      continue;
    }
    if (Atomics.compareExchange(control, TICKET, ticket, ticket + 1) !== ticket) continue;
    idle = 0;
    try {
      const at = CALLS + next * MOST_NUMBERS;
      exports[names[control[LOOP]!]!]!(...control.subarray(at, at + MOST_NUMBERS));
    } catch {
      Atomics.store(control, FAILED, 1);
    }
    Atomics.add(control, DONE, 1);
    Atomics.notify(control, DONE);
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
  readonly sizes: readonly number[];
}

const source = `
const node = typeof require === 'function' ? require('node:worker_threads').parentPort : undefined;
const work = ${work};
if (node) node.once('message', work);
else self.onmessage = ({ data }) => work(data);
`;

/** Turns that a thread without work looks out for some before it goes to sleep. */
const SPINS = 2000;

export interface Threads {
  readonly count: number;
  /** Carries out calls of the loop of this number, whose function here is `own`. */
  run(loop: number, calls: readonly (readonly number[])[], own: Loop): void;
}

/** Begins the threads that {@link useThreads} asked for; undefined where that is one. */
export function startThreads(message: Pick<Message, 'module' | 'memory' | 'names'>): Threads | undefined {
  if (!threading || threading.count < 2) return undefined;
  const { count, begin } = threading;
  const control = new Int32Array(new SharedArrayBuffer(4 * (CALLS + MOST_CALLS * MOST_NUMBERS)));
  const sizes = [TICKET, DONE, FAILED, LOOP, CALLS, MOST_NUMBERS, SPINS];
  for (let i = 1; i < count; i++) begin(source).postMessage({ ...message, control, sizes });
  const mayWait = canWait(control);
  let batch = 0;
  return {
    count,
    run(loop, calls, own) {
      for (let first = 0; first < calls.length; first += MOST_CALLS)
        some(loop, calls.slice(first, first + MOST_CALLS), own);
    },
  };

  function some(loop: number, calls: readonly (readonly number[])[], own: Loop): void {
    control[LOOP] = loop;
    control[DONE] = 0;
    calls.forEach((call, i) => {
      control.set(call, CALLS + i * MOST_NUMBERS);
    });
    batch = (batch + 1) & 0x7fff;
    Atomics.store(control, TICKET, (batch << 16) | (calls.length << 8));
    Atomics.notify(control, TICKET);
    let error: unknown;
    for (;;) {
      const next = Atomics.add(control, TICKET, 1) & 255;
      if (next >= calls.length) break;
      try {
        own(...calls[next]!);
      } catch (cause) {
        error = cause;
      }
      Atomics.add(control, DONE, 1);
    }
    // Those who took one before are at it.
    for (let turns = 0; ; turns++) {
      const done = Atomics.load(control, DONE);
      if (done === calls.length) break;
      if (mayWait && turns > SPINS) Atomics.wait(control, DONE, done);
    }
    const failed = Atomics.exchange(control, FAILED, 0) === 1;
    if (error) throw error;
    if (failed) throw new Error(`a thread failed at loop ${message.names[loop]}`);
  }
}

/** The thread that a browser's page is drawn by must not sleep. */
function canWait(control: Int32Array): boolean {
  try {
    return Atomics.wait(control, DONE, -1, 0) !== undefined;
  } catch {
    return false;
  }
}
