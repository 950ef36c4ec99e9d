import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The repository. */
export const root = join(import.meta.dirname, '../../..');

interface Package {
  readonly name: string;
  readonly description: string;
  /** From the repository's root. */
  readonly folder: string;
  /** What a program imports, and the source behind it; without entries for tests. */
  readonly entries: readonly { readonly name: string; readonly source: string }[];
}

/** Every package, in the order of the alphabet. */
export const packages: readonly Package[] = readdirSync(join(root, 'packages'))
  .filter((name) => existsSync(join(root, 'packages', name, 'package.json')))
  .sort()
  .map((short) => {
    const folder = `packages/${short}`;
    const { name, description, exports } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const entries = Object.entries<Record<string, string>>(exports)
      .filter(([path]) => path !== './package.json' && path !== './testing')
      .map(([path, { '@protomem/source': source }]) => ({ name: join(name, path), source: source! }));
    return { name, description, folder, entries };
  });
