import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { check } from '@protomem/core';

/**
 * The CommonJS loader. The tfjs packages are CommonJS; loading them through `require` gives one copy of tfjs-core
 * whatever loader hooks (tsx, vitest) stand between `import` and the file.
 */
export const require: NodeJS.Require = createRequire(import.meta.url);

/** A package as it lies on the disk. */
export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  readonly folder: string;
  /** Path of its package.json. */
  readonly manifest: string;
  /** Its program in one file that needs nothing but `@tensorflow/tfjs`, where it does not lie in node_modules. */
  readonly program?: string;
}

/** Finds a package from here, without loading it. */
export function findPackage(name: string): InstalledPackage | undefined {
  try {
    const manifest = require.resolve(`${name}/package.json`);
    const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
    return { name, version, folder: dirname(manifest), manifest };
  } catch {
    return undefined;
  }
}

/** A package that an engine needs. */
export function findNeeded(name: string, fix: string): InstalledPackage {
  const found = findPackage(name);
  check(found !== undefined, () => ({
    where: 'loadEngine',
    what: name,
    got: 'not installed',
    expected: 'the package in node_modules',
    fix,
  }));
  return found;
}
