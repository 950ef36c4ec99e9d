import { joinStates, ProtomemError, partState } from '@protomem/core';
import type { CosineLoss, Head } from '@protomem/core/contracts';
import type { PrototypeMemory } from './prototype-memory.ts';

/**
 * A Prototype Memory and a loss as a training head. It has no parameters: prototypes are made, not learnt.
 *
 * @param parts.memory taken over: disposed with the head
 * @param parts.loss any loss on cosines
 * @param parts.name for logs; default `prototype-memory`
 *
 * @example
 * ```ts
 * const memory = createPrototypeMemory({ size: 1000, dimension: 128 });
 * const head = prototypeHead({ memory, loss: cosFace() });
 * const perSample = head.loss(embeddings, labels);
 * ```
 */
export function prototypeHead(parts: {
  readonly memory: PrototypeMemory;
  readonly loss: CosineLoss;
  readonly name?: string;
}): Head {
  const { memory, loss, name = 'prototype-memory' } = parts;
  return {
    name,
    parameters: [],
    loss: (embeddings, labels) => memory.loss(embeddings, labels, loss),
    lastLookAlikes: () => memory.lastLookAlikes(),
    lastEvicted: () => memory.lastEvicted(),
    metrics: () => memory.metrics(),
    state: () => joinStates({ memory: memory.state(), ...(loss.state && { loss: loss.state() }) }),
    restore: (state) => {
      memory.restore(partState(state, 'memory') ?? missing('memory'));
      if (loss.restore) loss.restore(partState(state, 'loss') ?? missing('loss'));
    },
    dispose: () => memory.dispose(),
  };
}

function missing(part: string): never {
  throw new ProtomemError({
    where: 'prototypeHead.restore',
    what: `state of the ${part}`,
    got: 'missing',
    expected: 'what state() of a head with the same parts returned',
  });
}
