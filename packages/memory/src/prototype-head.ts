import { check, joinStates, number, type State } from '@protomem/core';
import type { CosineLoss, Encoder, Head } from '@protomem/core/contracts';
import { joinLater, MomentumEncoder, restoreLossState, takePart, untilDisposed, withLossState } from '@protomem/heads';
import * as tf from '@tensorflow/tfjs';
import type { PrototypeMemory } from './prototype-memory.ts';

/**
 * A Prototype Memory and a loss as a training head. It has no parameters: prototypes are made, not learnt.
 *
 * With a memory that is divided among processes (`sharded`) each of them makes the same head, and a trainer with that
 * `collective` trains them as one.
 *
 * With `exemplarEncoder` prototypes are made from the embeddings of an encoder that follows the trained one as a mean over
 * its last steps, about `1 / (1 - momentum)` of them: it changes more slowly, so that a prototype ages more slowly, at the
 * cost of a second forward pass. The head then needs the batch's images as the third argument of `loss`, and `afterStep`.
 * This is not of the paper; momentum encoders make the columns of DCQ, FFC and semi-siamese training.
 *
 * @param parts.memory taken over: disposed with the head
 * @param parts.loss any loss on cosines
 * @param parts.exemplarEncoder starts as a copy of the trained encoder, without dropout; taken over, disposed with the head
 * @param parts.momentum share of its parameters that it keeps in a step, in [0, 1]; default 0.99
 * @param parts.name for logs; default `prototype-memory`
 * @throws ProtomemError when the memory is divided, and the loss cannot be, or there is an encoder besides; when the memory has
 * `gradient: 'exemplars'` and there is one
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
  readonly exemplarEncoder?: Encoder;
  readonly momentum?: number;
  readonly name?: string;
}): Head {
  const { memory, loss, exemplarEncoder, momentum = 0.99, name = 'prototype-memory' } = parts;
  number('prototypeHead', 'momentum', momentum, 0, 1);
  check(parts.momentum === undefined || exemplarEncoder !== undefined, () => ({
    where: 'prototypeHead',
    what: 'exemplarEncoder with momentum',
    got: 'missing',
    expected: 'the encoder that keeps that share of its parameters',
  }));
  memory.checkLoss('prototypeHead', loss);
  check(!(memory.isDivided && exemplarEncoder), () => ({
    where: 'prototypeHead',
    what: 'exemplarEncoder with a memory that is divided among processes',
    got: exemplarEncoder?.card.name,
    expected: 'none: each process has its own images alone',
  }));
  check(!exemplarEncoder || memory.gradient === 'stop', () => ({
    where: 'prototypeHead',
    what: 'gradient of the memory, together with exemplarEncoder',
    got: memory.gradient,
    expected: 'stop: what prototypes are made from is constant then',
  }));
  const follower = exemplarEncoder && new MomentumEncoder('prototypeHead', exemplarEncoder, momentum, memory.dimension);
  const whole = (state: State): State => withLossState(joinStates({ memory: state }), loss);
  return untilDisposed({
    name,
    parameters: [],
    loss: (embeddings, labels, images) =>
      tf.tidy(() => memory.loss(embeddings, labels, loss, follower?.embed(images, embeddings.shape[0], memory.step))),
    lastLookAlikes: () => memory.lastLookAlikes(),
    lastEvicted: () => memory.lastEvicted(),
    ...(follower
      ? { afterStep: ({ encoder }: { readonly encoder: Encoder }) => follower.follow(encoder) }
      : {
          // Embeddings of the trained encoder: not what a momentum encoder's prototypes could be made anew from.
          stalest: (count: number) => memory.stalest(count),
          refreshFrom: (embeddings: tf.Tensor2D, labels: ArrayLike<number>, ratio?: number) =>
            memory.refreshFrom(embeddings, labels, ratio),
        }),
    metrics: () => memory.metrics(),
    state: () => {
      const own = memory.state();
      if (!follower) return whole(own);
      return withLossState(joinLater({ memory: own, encoder: follower.state() }), loss);
    },
    ...(memory.isDivided && { commonState: () => whole(memory.commonState()) }),
    restore: (state) => {
      const where = 'prototypeHead.restore';
      const encoder = follower && takePart(where, state, 'encoder');
      memory.restore(takePart(where, state, 'memory'));
      if (encoder) follower.restore(encoder);
      restoreLossState(where, state, loss);
    },
    dispose: () => {
      memory.dispose();
      follower?.dispose();
    },
  });
}
