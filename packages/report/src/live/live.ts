import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ErrorParts, integer, ProtomemError } from '@protomem/core';
import type { FromLive, LiveRun, LiveSnapshot, ToLive } from './live-data.ts';

/** Where `--live` listens when no port is named. */
export const DEFAULT_LIVE_PORT = 8042;

/** The page about a run in training. */
export interface Live {
  readonly url: string;
  /**
   * Called after each step. `make` is asked for what the page shows only when somebody has it open and its last asking
   * is long enough ago: at least 10 s, and so long that copying a batch takes at most 1/400 of the time.
   */
  offer(make: () => Promise<LiveSnapshot>): void;
  /** @param text for open pages, which stay as they are. */
  close(text: string): Promise<void>;
}

/** Milliseconds between two snapshots, and how many times the last one's own time. */
const LEAST_PAUSE = 10_000;
const PAUSE_RATIO = 400;

/** The page's process as a source beside this file, or as the build puts it. */
function liveProcess(): string {
  const source = join(import.meta.dirname, 'live-process.ts');
  return existsSync(source) ? source : join(import.meta.dirname, 'live', 'live-process.js');
}

/**
 * Starts the page in a process of its own.
 *
 * @throws ProtomemError when its port is taken or is no port.
 */
export async function startLive(run: LiveRun): Promise<Live> {
  integer('train', '--live-port', run.port, 0, 65535);
  const child = fork(liveProcess(), [], {
    execArgv: process.execArgv,
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  let watched = false;
  let pending = false;
  let next = 0;
  child.on('message', (message: FromLive) => {
    if (message.kind === 'watched') watched = message.watched;
  });
  const tell = (message: ToLive): void => {
    // A page that ended early takes nothing with it.
    if (child.connected) child.send(message, () => undefined);
  };
  tell({ kind: 'begin', run });
  const url = await answered(child, run.port);
  child.on('error', () => undefined);

  async function send(snapshot: Promise<LiveSnapshot>): Promise<void> {
    try {
      tell({ kind: 'snapshot', snapshot: await snapshot });
    } catch (error) {
      console.error(`live page: ${(error as Error).message}`);
    }
    pending = false;
  }

  return {
    url,
    offer(make) {
      if (!watched || pending || !child.connected || performance.now() < next) return;
      pending = true;
      const begun = performance.now();
      void send(make());
      const now = performance.now();
      next = now + Math.max(LEAST_PAUSE, PAUSE_RATIO * (now - begun));
    },
    async close(text) {
      if (!child.connected) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      tell({ kind: 'over', text });
      await ended;
    },
  };
}

function answered(child: ChildProcess, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const refuse = (details: Pick<ErrorParts, 'what' | 'got' | 'expected' | 'fix'>): void => {
      child.kill('SIGKILL');
      reject(new ProtomemError({ where: 'train --live', ...details }));
    };
    const failed = (got: string): void =>
      refuse({ what: 'the process of the page', got, expected: 'one that listens', fix: 'Train without --live.' });
    child.once('error', ({ message }) => failed(message));
    child.once('exit', (code, signal) => failed(`ended with ${code ?? signal}`));
    child.on('message', (message: FromLive) => {
      if (message.kind === 'listening') resolve(message.url);
      if (message.kind !== 'refused') return;
      refuse({
        what: `port ${port} of 127.0.0.1`,
        got: message.code === 'EADDRINUSE' ? 'taken' : message.code,
        expected: 'a port that is free',
        fix: 'Name another one with --live-port, or 0 for any.',
      });
    });
  });
}
