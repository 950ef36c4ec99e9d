import { check, joinStates, partState, type State } from '@protomem/core';
import type { CosineLoss } from '@protomem/core/contracts';

/** @internal `joinStates` of parts of which some take a while: each as it is at the call. */
export async function joinLater(parts: Readonly<Record<string, State | Promise<State>>>): Promise<State> {
  const all = Object.entries(parts).map(async ([name, state]) => [name, await state] as const);
  return joinStates(Object.fromEntries(await Promise.all(all)));
}

/**
 * A head's own state together with that of its loss, where the loss has one: as it is at the call, also where the head's own
 * takes a while.
 */
export function withLossState<S extends State | Promise<State>>(own: S, loss: CosineLoss): S;
export function withLossState(own: State | Promise<State>, loss: CosineLoss): State | Promise<State> {
  if (!loss.state) return own;
  const joined = joinStates({ loss: loss.state() });
  const join = ({ values, tensors }: State): State => ({
    values: { ...values, ...joined.values },
    tensors: { ...tensors, ...joined.tensors },
  });
  return own instanceof Promise ? own.then(join) : join(own);
}

/** Gives a loss its part of a head's state. */
export function restoreLossState(where: string, state: State, loss: CosineLoss): void {
  loss.restore?.(takePart(where, state, 'loss'));
}

/** A part of a joined state; refuses a state without it. */
export function takePart(where: string, state: State, part: string): State {
  const found = partState(state, part);
  check(found !== undefined, () => ({
    where,
    what: `the part "${part}" of the state`,
    got: 'missing',
    expected: 'what state() returned',
    fix: 'The state is of another head or loss.',
  }));
  return found;
}
