import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { findPackage, type InstalledPackage } from '@protomem/engine/installs';
import { packageOf } from './requirements.ts';

const require = createRequire(import.meta.url);

/**
 * The tfjs-node whose binding is compiled: the package where it is installed, else, for the CPU, what
 * `scripts/bundle-tfjs-node.ts` made of it at this package's build. So its installer is never needed.
 */
export const findTfjsNode = (gpu: boolean): InstalledPackage | undefined =>
  findPackage(packageOf(gpu)) ?? (gpu ? undefined : shipped());

function shipped(): InstalledPackage | undefined {
  const folder = join(require.resolve('@protomem/native/package.json'), '../dist/tfjs-node');
  const manifest = join(folder, 'package.json');
  if (!existsSync(manifest)) return undefined;
  const { name, version } = JSON.parse(readFileSync(manifest, 'utf8')) as { name: string; version: string };
  return { name, version, folder, manifest, program: join(folder, 'tfjs-node.cjs') };
}
