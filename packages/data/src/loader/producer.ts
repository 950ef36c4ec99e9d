import { check } from '@protomem/core';
import { type AssemblerOptions, createAssembler } from './assemble.ts';
import type { Producer, ProducerSpec } from './producer-types.ts';
import { createWorkerPool } from './worker-pool.ts';

/**
 * @param workers threads; `undefined`: one where source and augmentation can be sent to one as data, else none.
 * @throws when threads are asked for and source or augmentation cannot be sent to them.
 */
export function createProducer(where: string, options: AssemblerOptions, workers?: number): Producer {
  const spec = specOfProducer(options);
  check(!workers || spec !== undefined, () => ({
    where,
    what: 'workers',
    got: workers,
    expected: `0: ${options.source.spec ? 'this augmentation' : `the source ${options.source.name}`} is the caller's own object, which no thread can be given`,
    fix: 'Leave workers out; the batches are the same.',
  }));
  if (spec && workers !== 0) return createWorkerPool(spec, workers ?? 1);
  const assemble = createAssembler(options);
  return { produce: assemble, close: async () => undefined };
}

function specOfProducer({ source, augmentation, ...rest }: AssemblerOptions): ProducerSpec | undefined {
  if (!source.spec || (augmentation && !augmentation.options)) return undefined;
  return { ...rest, source: source.spec, augmentation: augmentation?.options };
}
