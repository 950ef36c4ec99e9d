import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findInstalls } from './install/cache.ts';
import type { InstalledPackage } from './packages.ts';

/** Path of the binding to load for a tfjs-node package: the newest that `protomem-engine install` made, else its own. */
export function findBinding(found: InstalledPackage): string | undefined {
  const installed = findInstalls(found)[0];
  return installed ? join(installed.folder, 'tfjs_binding.node') : ownBinding(found);
}

/** The binding that the package's own installer left in it, for the newest Node-API version that this Node knows. */
export function ownBinding({ folder }: InstalledPackage): string | undefined {
  const newest = Number(process.versions.napi);
  for (let version = newest; version >= 3; version--) {
    const binding = join(folder, 'lib', `napi-v${version}`, 'tfjs_binding.node');
    if (existsSync(binding)) return binding;
  }
  return undefined;
}
