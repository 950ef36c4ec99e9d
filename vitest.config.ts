import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** Tests see the sources through the `@protomem/source` export condition: nothing has to be built first. */
const conditions = ['@protomem/source'];

const folders = [
  ...['packages', 'apps'].flatMap((parent) => readdirSync(parent).map((name) => join(parent, name))),
  'examples',
];

/** `data` for `@protomem/data`: folders of packages and apps may have the same name. */
const nameOf = (root: string): string =>
  JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).name.replace('@protomem/', '');

export default defineConfig({
  test: {
    // vitest leaves one core free, which of two cores is half: most tests wait for processes of their own.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters: ['default', './scripts/closing-line-reporter.ts'],
    projects: folders.map((root) => ({
      root,
      resolve: { conditions },
      ssr: { resolve: { conditions, externalConditions: conditions } },
      test: {
        name: nameOf(root),
        include: ['src/**/*.test.ts', '*.test.ts'],
        testTimeout: 60_000,
        hookTimeout: 120_000,
      },
    })),
  },
});
