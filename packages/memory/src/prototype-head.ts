import { joinStates } from '@protomem/core';
import type { CosineLoss, Head } from '@protomem/core/contracts';
import { restoreLossState, takePart, untilDisposed, withLossState } from '@protomem/heads';
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
  return untilDisposed({
    name,
    parameters: [],
    loss: (embeddings, labels) => memory.loss(embeddings, labels, loss),
    lastLookAlikes: () => memory.lastLookAlikes(),
    lastEvicted: () => memory.lastEvicted(),
    stalest: (count) => memory.stalest(count),
    refreshFrom: (embeddings, labels, ratio) => memory.refreshFrom(embeddings, labels, ratio),
    metrics: () => memory.metrics(),
    state: () => withLossState(joinStates({ memory: memory.state() }), loss),
    restore: (state) => {
      const where = 'prototypeHead.restore';
      memory.restore(takePart(where, state, 'memory'));
      restoreLossState(where, state, loss);
    },
    dispose: () => memory.dispose(),
  });
}
