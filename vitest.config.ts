import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** Tests see the sources through the `@protomem/source` export condition: nothing has to be built first. */
const conditions = ['@protomem/source'];

const folders = ['packages', 'apps'].flatMap((parent) => readdirSync(parent).map((name) => join(parent, name)));

export default defineConfig({
  test: {
    reporters: ['default', './scripts/closing-line-reporter.ts'],
    projects: folders.map((root) => ({
      root,
      resolve: { conditions },
      ssr: { resolve: { conditions, externalConditions: conditions } },
      test: { name: basename(root), include: ['src/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 120_000 },
    })),
  },
});
