import { check } from '@protomem/core';
import { threadOptions } from '../augment/create-augmentation.ts';
import { threadSpec } from '../sources/thread-spec.ts';
import { type AssemblerOptions, createAssembler } from './assemble.ts';
import type { Host } from './host.ts';
import type { Producer, ProducerSpec } from './producer-types.ts';

/**
 * @param workers threads; `undefined`: one where source and augmentation can be sent to one as data, else none.
 * @throws when threads are asked for and source or augmentation cannot be sent to them.
 */
export function createProducer(where: string, options: AssemblerOptions, host: Host, workers?: number): Producer {
  const { createPool, decode } = host;
  check(!workers || createPool !== undefined, () => ({
    where,
    what: 'workers',
    got: workers,
    expected: '0 in a browser: the thread of the page, or a worker of your own, makes the batches',
  }));
  const spec = specOfProducer(options);
  check(!workers || spec !== undefined, () => ({
    where,
    what: 'workers',
    got: workers,
    expected: `0: ${threadSpec(options.source) ? 'this augmentation' : `the source ${options.source.name}`} is the caller's own object, which no thread can be given`,
    fix: 'Leave workers out; the batches are the same.',
  }));
  if (createPool && spec && workers !== 0) return createPool(spec, workers ?? 1);
  const assemble = createAssembler(options, decode);
  return { produce: assemble, close: async () => undefined };
}

function specOfProducer({ source: own, augmentation: ownToo, ...rest }: AssemblerOptions): ProducerSpec | undefined {
  const source = threadSpec(own);
  const augmentation = ownToo && threadOptions(ownToo);
  return source && (augmentation || !ownToo) ? { ...rest, source, augmentation } : undefined;
}
