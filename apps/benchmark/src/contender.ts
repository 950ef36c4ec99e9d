import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { OpTime } from '@protomem/engine';

/** Something timed: a process of its own, asked for one measurement at a time, so that contenders can take turns. */
export interface Contender {
  readonly name: string;
  /** What it says of itself: engine, versions, threads. */
  readonly about: Readonly<Record<string, unknown>>;
  /** Runs one step; milliseconds. */
  measure(): Promise<number>;
  /** What else it can say after its steps, in units that the names tell. */
  figures(): Promise<Readonly<Record<string, number>>>;
  /** What the ops of one step took, the longest first; empty where it cannot tell. */
  profile(): Promise<readonly OpTime[]>;
  stop(): void;
}

/**
 * Starts a process that prints one JSON line about itself, then answers the lines `step`, `figures` and `profile` as `serve.ts`
 * does. All contenders are alive at once and idle while another runs.
 *
 * @returns the contender, or why it cannot take part, as it says on stderr.
 */
async function startContender(name: string, command: string, args: readonly string[]): Promise<Contender | string> {
  const child: ChildProcess = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr!.on('data', (data: Buffer) => {
    // The line that names the error, where there is one: Node's last line is its version.
    const lines = data.toString().trim().split('\n');
    complaint = lines.find((line) => /^\w*Error: /.test(line)) ?? (complaint || lines.at(-1)!);
  });
  const gone = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      const killed = signal === 'SIGKILL' ? 'killed, most likely for want of memory' : undefined;
      reject(new Error(`${name}: ${complaint || (killed ?? `exit code ${code}`)}`));
    });
  });
  gone.catch(() => undefined);
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const read = async (): Promise<string> => {
    const line = await Promise.race([lines.next(), gone]);
    // The stream may end before the exit is known: then the exit says why.
    return line.done ? gone : line.value;
  };
  try {
    const about = JSON.parse(await read());
    return {
      name,
      about,
      async measure() {
        child.stdin!.write('step\n');
        return Number(await read());
      },
      async figures() {
        child.stdin!.write('figures\n');
        return JSON.parse(await read());
      },
      async profile() {
        child.stdin!.write('profile\n');
        return JSON.parse(await read());
      },
      stop() {
        // Whoever speaks through it has no other sign.
        child.stdin!.end();
        child.kill();
      },
    };
  } catch (error) {
    child.kill();
    return (error as Error).message;
  }
}

/**
 * Starts contenders one after the other: starting costs a first step, which would disturb a neighbour's.
 *
 * @param wanted name, script and its arguments: a `.py` of the folder `python`, or one of ours by its path
 * @returns those that can take part; of the others, `report` is told why not
 */
export async function startAll(
  report: (text: string) => void,
  wanted: readonly (readonly [name: string, script: string, ...args: string[]])[],
): Promise<Contender[]> {
  const contenders: Contender[] = [];
  for (const [name, script, ...args] of wanted) {
    const contender = script.endsWith('.py')
      ? await startContender(name, process.env.PROTOMEM_PYTHON ?? 'python3', [join(PYTHON, script), ...args])
      : await startContender(name, process.execPath, [...FROM_SOURCE, script, ...args]);
    if (typeof contender === 'string') report(`cannot take part: ${contender}`);
    else contenders.push(contender);
  }
  return contenders;
}

const PYTHON = join(import.meta.dirname, '..', 'python');
/** Arguments of Node that let it run a TypeScript source with the packages' sources. */
export const FROM_SOURCE = ['--import', 'tsx', '--conditions=@protomem/source'];
