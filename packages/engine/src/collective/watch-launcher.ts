import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';

/** Descriptor of a socket whose other end a launcher holds: it closes when the launcher goes, however it does. */
const VARIABLE = 'PROTOMEM_LAUNCHER_FD';

let watched: Socket | undefined;

/**
 * Has this process end in order, as SIGTERM does, when the launcher that started it is gone: nobody would end it when
 * another rank dies, nor start it again. A process that `protomem launch` did not start has nothing to watch.
 */
export function watchLauncher(env: Readonly<Record<string, string | undefined>>): void {
  const fd = Number(env[VARIABLE]);
  if (watched || env[VARIABLE] === undefined || !isSocket(fd)) return;
  watched = new Socket({ fd, readable: true, writable: false });
  // Its end may come as an error; a watch keeps no process alive.
  watched.on('error', () => undefined).unref();
  watched.once('close', () => {
    process.stderr.write(
      `rank ${env.RANK} of ${env.WORLD_SIZE}: the launcher is gone; this process ends in order. Start all anew; a run goes on from its newest checkpoint.\n`,
    );
    process.kill(process.pid, 'SIGTERM');
  });
  watched.resume();
}

/**
 * A wrapper between the launcher and this process may not have passed it on. As bigint: what `fstatSync` finds otherwise stays where
 * Node 20's `realpathSync` looks, which then takes a folder for a socket, and modules behind links are not found.
 */
function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd, { bigint: true }).isSocket();
  } catch {
    return false;
  }
}
