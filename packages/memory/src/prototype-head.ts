import { joinStates, type State } from '@protomem/core';
import type { CosineLoss, Head } from '@protomem/core/contracts';
import { restoreLossState, takePart, untilDisposed, withLossState } from '@protomem/heads';
import type { PrototypeMemory } from './prototype-memory.ts';

/**
 * A Prototype Memory and a loss as a training head. It has no parameters: prototypes are made, not learnt.
 *
 * With a memory that is divided among processes (`sharded`) each of them makes the same head, and a trainer with that
 * `collective` trains them as one.
 *
 * @param parts.memory taken over: disposed with the head
 * @param parts.loss any loss on cosines
 * @param parts.name for logs; default `prototype-memory`
 * @throws ProtomemError when the memory is divided, and the loss cannot be
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
  memory.checkLoss('prototypeHead', loss);
  const whole = (state: State): State => withLossState(joinStates({ memory: state }), loss);
  return untilDisposed({
    name,
    parameters: [],
    loss: (embeddings, labels) => memory.loss(embeddings, labels, loss),
    lastLookAlikes: () => memory.lastLookAlikes(),
    lastEvicted: () => memory.lastEvicted(),
    stalest: (count) => memory.stalest(count),
    refreshFrom: (embeddings, labels, ratio) => memory.refreshFrom(embeddings, labels, ratio),
    metrics: () => memory.metrics(),
    state: () => whole(memory.state()),
    ...(memory.isDivided && { commonState: () => whole(memory.commonState()) }),
    restore: (state) => {
      const where = 'prototypeHead.restore';
      memory.restore(takePart(where, state, 'memory'));
      restoreLossState(where, state, loss);
    },
    dispose: () => memory.dispose(),
  });
}
