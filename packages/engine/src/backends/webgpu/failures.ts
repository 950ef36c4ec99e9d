import { check } from '@protomem/core';
import type { WebgpuBackend } from './backend.ts';

/** Returns what throws the first error that the GPU has told since it was last called. */
export function failures({ device }: WebgpuBackend): () => void {
  let failure: string | undefined;
  device.addEventListener('uncapturederror', (event) => {
    event.preventDefault(); // else Dawn prints it
    failure ??= event.error.message.split('\n')[0];
  });
  return () => {
    const found = failure;
    failure = undefined;
    check(found === undefined, () => ({
      where: 'webgpu',
      what: 'an operation before this read',
      got: 'failed',
      expected: 'done',
      fix: `The GPU says: ${found} What was computed since is wrong. If a tensor is too large, take smaller batches.`,
    }));
  };
}
