import { spawn } from 'node:child_process';

/** How a command ended. One that could not be started, or was aborted, has no code and its error in `stderr`. */
export interface CommandResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end and keeps what it prints. Never throws for a failing program; an abort ends it. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly signal?: AbortSignal } = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] += text;
      });
    }
    let failed: CommandResult | undefined;
    // Comes at once with an abort, too, where the program may still write.
    child.on('error', (error) => {
      failed = { code: null, signal: null, stdout: '', stderr: error.message };
    });
    child.on('close', (code, signal) => resolve(failed ?? { code, signal, ...output }));
  });
}

/** The last line that says something: what a person needs of a tool's output. */
export const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.trim() ?? '';
