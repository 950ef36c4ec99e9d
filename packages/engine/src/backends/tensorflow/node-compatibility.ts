import util from 'node:util';

/**
 * tfjs-node 4.22 calls `util.isNullOrUndefined` (nodejs_kernel_backend.js, kernels/TopK.js) and `util.isArray`
 * (nodejs_kernel_backend.js). Node 22 warns about them, Node 23 and later have dropped the first: give them back, where
 * they are missing or warn. These two are all of that kind in its published files.
 */
export function restoreUtilFunctions(target: object = util, nodeVersion = process.versions.node): void {
  if (Number.parseInt(nodeVersion, 10) < 22) return;
  Object.assign(target, { isArray: Array.isArray, isNullOrUndefined });
}

const isNullOrUndefined = (value: unknown): boolean => value === null || value === undefined;
