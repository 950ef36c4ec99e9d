import { check, option, part, partState } from '@protomem/core';
import type { Head } from '@protomem/core/contracts';
import * as tf from '@tensorflow/tfjs';
import { joinLater, takePart } from './loss-state.ts';
import { passOn } from './pass-on.ts';
import { untilDisposed } from './until-disposed.ts';

const mixedOptions = {
  head: option.given<Head>()({ help: 'The head itself; taken over, disposed with this one.' }),
  beside: option.given<Head>()({
    help: 'Another on the same embeddings, whose loss has a share; taken over, too. Its parameters have other names.',
  }),
  share: option.number({ help: 'Share of the loss of the other one.', min: 0, max: 1, default: 0.5 }),
};

/**
 * Two heads on the same embeddings: each sample's loss is `(1 - share) * head + share * beside`. All else is as of `head`:
 * metrics, who looks alike, re-encoding. Both take part in training and in state.
 *
 * What it is for: many columns teach at false accept rates that a batch's few classes hardly ever show, the batch's own classes,
 * through whose columns the gradient flows, at those that they do. Not of a paper that we know of; what it gives is in
 * benchmarks/identities-study.md.
 *
 * @example
 * ```ts
 * const memory = createPrototypeMemory({ size: 1000, dimension: 128 });
 * const head = mixed({
 *   head: prototypeHead({ memory, loss: cosFace() }),
 *   beside: batchOnly({ dimension: 128, loss: cosFace() }),
 * });
 * const perSample = head.loss(embeddings, labels);
 * ```
 */
export const mixed = part('mixed', mixedOptions, ({ head, beside, share }): Head => {
  const names = new Set(head.parameters.map(({ name }) => name));
  const twice = beside.parameters.find(({ name }) => names.has(name))?.name;
  check(twice === undefined, () => ({
    where: 'mixed',
    what: 'a parameter of both heads',
    got: twice,
    expected: 'other names in each, by which gradients and momentum are known',
  }));
  const commonOf = (one: Head) => (one.commonState ? one.commonState() : one.state());
  return untilDisposed({
    ...passOn(head),
    parameters: [...head.parameters, ...beside.parameters],
    loss: (embeddings, labels, images) =>
      tf.tidy(() =>
        tf.add<tf.Tensor1D>(
          tf.mul(1 - share, head.loss(embeddings, labels, images)),
          tf.mul(share, beside.loss(embeddings, labels, images)),
        ),
      ),
    ...((head.afterStep || beside.afterStep) && {
      afterStep(step: Parameters<NonNullable<Head['afterStep']>>[0]) {
        head.afterStep?.(step);
        beside.afterStep?.(step);
      },
    }),
    state: () => joinLater({ head: head.state(), beside: beside.state() }),
    ...((head.commonState || beside.commonState) && {
      commonState: () => joinLater({ head: commonOf(head), beside: commonOf(beside) }),
    }),
    async restore(state) {
      const other = takePart('mixed.restore', state, 'beside');
      // Earlier releases saved the head's own state beside that part.
      const own = partState(state, 'head') ?? state;
      // Begun at once, so that what needs no waiting is restored when this returns.
      const restored = [[head, own] as const, [beside, other] as const].map(async ([one, its]) => one.restore(its));
      await Promise.all(restored);
    },
    dispose() {
      head.dispose();
      beside.dispose();
    },
  });
});
