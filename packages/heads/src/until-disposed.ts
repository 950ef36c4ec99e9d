import { check } from '@protomem/core';
import type { Head } from '@protomem/core/contracts';

/** A head whose functions refuse by name once it is disposed; disposing it again does nothing. */
export function untilDisposed<H extends Head>(head: H): H {
  let disposed = false;
  const guarded = (name: string, member: (...args: unknown[]) => unknown) => {
    return (...args: unknown[]): unknown => {
      checkInUse(`${head.name}.${name}`, 'the head', disposed);
      return member.apply(head, args);
    };
  };
  const members = Object.entries(head).map(([name, member]) => [
    name,
    typeof member === 'function' ? guarded(name, member) : member,
  ]);
  return {
    ...Object.fromEntries(members),
    dispose() {
      if (!disposed) head.dispose();
      disposed = true;
    },
  };
}

/** Refuses what is asked of something that is disposed. */
export function checkInUse(where: string, what: string, disposed: boolean): void {
  check(!disposed, () => ({ where, what, got: 'disposed', expected: 'one that is still in use' }));
}
