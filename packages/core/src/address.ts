import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { ProtomemError } from './errors.ts';

/** `host:port`, also `[::1]:port`, in its parts; the port is not a number where there is none. */
export function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}

export const joinAddress = (host: string, port: number): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** Whether a host is this machine by a way that no other one reaches. */
export const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(host);

/** Systems hand out ports from 32768 on by themselves, to whoever connects: one of those is soon somebody else's. */
const [FIRST, PAST] = [10_000, 32_768];
const ATTEMPTS = 100;

/** A port of an interface that is free now, for somebody who will listen there a little later. */
export async function freePort(host: string): Promise<number> {
  let reason: unknown;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = randomInt(FIRST, PAST);
    const server = createServer().listen(port, host);
    try {
      await once(server, 'listening');
      await new Promise((resolve) => server.close(resolve));
      return port;
    } catch (error) {
      reason = error;
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') break;
    }
  }
  throw new ProtomemError(
    {
      where: 'freePort',
      what: `a port of ${host}`,
      got: `not to be had: ${(reason as Error).message}`,
      expected: 'an address of this machine',
    },
    { cause: reason },
  );
}
