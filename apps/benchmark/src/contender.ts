import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Something timed: a process of its own, asked for one measurement at a time, so that contenders can take turns. */
export interface Contender {
  readonly name: string;
  /** What it says of itself: engine, versions, threads. */
  readonly about: Readonly<Record<string, unknown>>;
  /** Runs one step; milliseconds. */
  measure(): Promise<number>;
  stop(): void;
}

/**
 * Starts a process that prints one JSON line about itself, then one line with the milliseconds of a step for each line
 * it reads. All contenders are alive at once and idle while another runs.
 *
 * @returns the contender, or why it cannot take part, as it says on stderr.
 */
export async function startContender(
  name: string,
  command: string,
  args: readonly string[],
): Promise<Contender | string> {
  const child: ChildProcess = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr!.on('data', (data: Buffer) => {
    // The line that names the error, where there is one: Node's last line is its version.
    const lines = data.toString().trim().split('\n');
    complaint = lines.find((line) => /^\w*Error: /.test(line)) ?? (complaint || lines.at(-1)!);
  });
  const gone = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(complaint || `exit code ${code}`)));
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
      stop: () => child.kill(),
    };
  } catch (error) {
    child.kill();
    return (error as Error).message;
  }
}
