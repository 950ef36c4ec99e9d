import { check, joinStates, partState, type State } from '@protomem/core';
import type { CosineLoss } from '@protomem/core/contracts';

/** A head's own state together with that of its loss, where the loss has one. */
export function withLossState(own: State, loss: CosineLoss): State {
  if (!loss.state) return own;
  const joined = joinStates({ loss: loss.state() });
  return { values: { ...own.values, ...joined.values }, tensors: { ...own.tensors, ...joined.tensors } };
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
