import { execFileSync } from 'node:child_process';

/** Two networks of this machine with a wire between them, for Linux's root. */
export interface Wire {
  /** Names of the two namespaces, in which `ip netns exec NAME` starts a program. */
  readonly names: readonly [string, string];
  /** Their addresses, of one /24. */
  readonly hosts: readonly [string, string];
  /** How much passes each way; as fast as the machine by default. */
  readonly megabits?: number;
}

const run = (program: string, ...args: string[]): void =>
  void execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });

/**
 * Lays a wire; one of these names that was left is removed first.
 *
 * @throws where `ip` or `tc` is missing, or the user is not root
 */
export function layWire({ names, hosts, megabits }: Wire): void {
  removeWire({ names });
  for (const name of names) run('ip', 'netns', 'add', name);
  run('ip', 'link', 'add', 'wire', 'netns', names[0], 'type', 'veth', 'peer', 'name', 'wire', 'netns', names[1]);
  for (const [i, name] of names.entries()) {
    run('ip', '-n', name, 'addr', 'add', `${hosts[i]}/24`, 'dev', 'wire');
    for (const device of ['lo', 'wire']) run('ip', '-n', name, 'link', 'set', device, 'up');
    if (megabits === undefined) continue;
    const limit = ['tbf', 'rate', `${megabits}mbit`, 'burst', '256kb', 'latency', '100ms'];
    run('tc', '-n', name, 'qdisc', 'add', 'dev', 'wire', 'root', ...limit);
  }
}

/** Cuts a wire, or mends it. */
export const setWire = ({ names }: Pick<Wire, 'names'>, state: 'up' | 'down'): void =>
  run('ip', '-n', names[0], 'link', 'set', 'wire', state);

/** Removes a wire with its networks, where there is one. */
export function removeWire({ names }: Pick<Wire, 'names'>): void {
  for (const name of names) {
    try {
      run('ip', 'netns', 'del', name);
    } catch {
      // There was none.
    }
  }
}
