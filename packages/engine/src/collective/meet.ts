import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ProtomemError } from '@protomem/core';
import { freePort, joinAddress, splitAddress } from '@protomem/core/node';

/** Longest line that is taken from anybody, bytes: addresses of some ten thousand processes. */
const LONGEST = 1 << 20;

interface Meeting {
  readonly rank: number;
  readonly size: number;
  /** Where rank 0 waits for the others, `host:port`. */
  readonly master: string;
  readonly timeoutSeconds: number;
}

/**
 * Has processes that know rank 0's address alone learn those of all: each tells rank 0 the address at which it will listen, and
 * gets the list. Nothing else ever travels this way.
 *
 * @returns addresses by rank
 */
export async function meet(meeting: Meeting): Promise<string[]> {
  const { host, port } = splitAddress(meeting.master);
  return meeting.rank === 0 ? receive(meeting, host, port) : ask(meeting, host, port);
}

async function receive({ size, master, timeoutSeconds }: Meeting, host: string, port: number): Promise<string[]> {
  const where = `rank 0 of ${size}`;
  const deadline = performance.now() + timeoutSeconds * 1000;
  const server = createServer();
  const sockets = new Map<number, Socket>();
  const open = new Set<Socket>();
  try {
    // Before anybody can come: whoever does is waited for from the first.
    const addresses = [joinAddress(host, await freePort(host))];
    server.listen(port, host);
    await once(server, 'listening').catch((cause: Error) => {
      const expected = 'a port of this machine that is free';
      throw new ProtomemError({ where, what: master, got: `not to be had: ${cause.message}`, expected }, { cause });
    });
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        const missing = Array.from({ length: size }, (_, i) => i).filter((i) => i > 0 && !sockets.has(i));
        reject(
          new ProtomemError({
            where,
            what: `rank ${missing.join(', ')}`,
            got: `not there after ${timeoutSeconds} s`,
            expected: `${size} processes that come to ${master}`,
            fix: 'Were all started, and does a firewall let them through?',
          }),
        );
      }, timeoutSeconds * 1000);
      server.on('connection', async (socket) => {
        open.add(socket);
        socket.on('error', () => undefined);
        const told = await line(socket)
          .then(readNews)
          .catch(() => undefined);
        // Whoever else comes by is none of ours, and whoever is gone already has to come again.
        if (!told || socket.destroyed) {
          socket.destroy();
          return;
        }
        const { rank, size: theirs, address } = told;
        const refusal =
          theirs !== size
            ? `rank ${rank} was told of ${theirs} processes, rank 0 of ${size}`
            : rank < 1 || rank >= size || sockets.has(rank)
              ? `there are two of rank ${rank}`
              : undefined;
        if (refusal) {
          socket.end(`${JSON.stringify({ refusal })}\n`);
          return;
        }
        addresses[rank] = address;
        sockets.set(rank, socket);
        // Who dies is waited for anew: it may be started again.
        socket.once('close', () => sockets.delete(rank));
        if (sockets.size < size - 1) return;
        clearTimeout(timer);
        resolve();
      });
    });
    for (const socket of sockets.values()) socket.end(`${JSON.stringify({ addresses })}\n`);
    const closed = [...sockets.values()].map((socket) => once(socket, 'close').catch(() => undefined));
    // One that is stopped closes nothing.
    await Promise.race([Promise.all(closed), sleep(deadline - performance.now(), undefined, { ref: false })]);
    return addresses;
  } finally {
    for (const socket of open) socket.destroy();
    server.close();
  }
}

async function ask({ rank, size, master, timeoutSeconds }: Meeting, host: string, port: number): Promise<string[]> {
  const where = `rank ${rank} of ${size}`;
  const deadline = performance.now() + timeoutSeconds * 1000;
  let reason = 'silent';
  while (performance.now() < deadline) {
    const socket = createConnection({ host, port });
    try {
      socket.setTimeout(Math.max(1, deadline - performance.now()), () => socket.destroy(new Error('silent')));
      await once(socket, 'connect');
      const address = joinAddress(socket.localAddress!, await freePort(socket.localAddress!));
      socket.write(`${JSON.stringify({ rank, size, address })}\n`);
      const { addresses, refusal } = JSON.parse(await line(socket)) as { addresses?: string[]; refusal?: string };
      if (refusal) {
        throw new ProtomemError({
          where,
          what: 'its place',
          got: refusal,
          expected: 'one of its own for each process',
          fix: 'Are RANK and WORLD_SIZE right on each machine?',
        });
      }
      if (Array.isArray(addresses) && addresses.length === size) return addresses;
      reason = 'answering in other words';
    } catch (error) {
      if (error instanceof ProtomemError) throw error;
      reason = (error as Error).message;
    } finally {
      socket.destroy();
    }
    // It may not be there yet.
    await sleep(100);
  }
  throw new ProtomemError({
    where,
    what: `rank 0 at ${master}`,
    got: `not there after ${timeoutSeconds} s (${reason})`,
    expected: 'a process that waits for the others',
    fix: 'Was it started, and does a firewall let this machine through?',
  });
}

/** The first line that comes. */
function line(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end));
      else if (text.length > LONGEST) socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection ended')));
  });
}

function readNews(text: string): { rank: number; size: number; address: string } | undefined {
  const { rank, size, address } = JSON.parse(text) as { rank: number; size: number; address: string };
  const whole = Number.isSafeInteger(rank) && Number.isSafeInteger(size) && typeof address === 'string';
  return whole && address.length < 300 ? { rank, size, address } : undefined;
}
