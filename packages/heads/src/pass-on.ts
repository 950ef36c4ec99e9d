import type { Head } from '@protomem/core/contracts';

/** What a head may have besides what all have. */
const optional = ['afterStep', 'lastLookAlikes', 'lastEvicted', 'stalest', 'refreshFrom', 'commonState'] as const;

/** All of a head but its loss, for one that is made of it; also of a head whose members use `this`. */
export function passOn(head: Head): Omit<Head, 'loss'> {
  const found = optional.flatMap((name) => {
    const member: ((...given: never[]) => unknown) | undefined = head[name];
    return member ? [[name, member.bind(head)]] : [];
  });
  return {
    ...(Object.fromEntries(found) as Pick<Head, (typeof optional)[number]>),
    name: head.name,
    parameters: head.parameters,
    metrics: () => head.metrics(),
    state: () => head.state(),
    restore: (state) => head.restore(state),
    dispose: () => head.dispose(),
  };
}
