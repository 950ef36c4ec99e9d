import { enginesAtHand, expectClose, useEngine } from '@protomem/engine/testing';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { cosFace, dot, naiveCosFace, sum, unit } from '../fixtures/parts.ts';
import { batchOnly } from './index.ts';

describe.each(await enginesAtHand())('batchOnly on %s', (engine) => {
  beforeAll(() => useEngine(engine));

  it('equals a naive loop: means of classes, each sample left out of its own', () => {
    const head = batchOnly({ dimension: 3, loss: cosFace() });
    const x = tf.randomNormal<tf.Rank.R2>([6, 3], 0.2, 2, 'float32', 3);
    const labels = [4, 2 ** 50, 4, 9, 4, 2 ** 50];
    const units = x.arraySync().map(unit);
    const prototype = (images: number[]): number[] => unit(sum(images.map((i) => units[i]!)));
    const of = (id: number): number[] => labels.flatMap((label, i) => (label === id ? [i] : []));
    const expected = labels.map((label, i) => {
      const rest = of(label).filter((j) => j !== i);
      const own = prototype(rest.length > 0 ? rest : [i]);
      const others = [...new Set(labels)].filter((id) => id !== label).map((id) => dot(units[i]!, prototype(of(id))));
      return naiveCosFace(dot(units[i]!, own), others);
    });
    expectClose(head.loss(x, labels), expected);
    expect(head.metrics()).toEqual({ classes: 3, singles: 1 });
    x.dispose();
  });
});
