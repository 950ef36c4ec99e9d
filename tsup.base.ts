import { defineConfig, type Options } from 'tsup';

/** One build for every package: ESM with declarations, everything that is not ours stays an import. */
export function library(options: Options = {}): ReturnType<typeof defineConfig> {
  return defineConfig({
    entry: ['src/index.ts'],
    format: 'esm',
    target: 'node20',
    clean: true,
    sourcemap: true,
    // tsup sets `baseUrl`, which TypeScript 6 calls deprecated.
    dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
    tsconfig: '../../tsconfig.base.json',
    ...options,
  });
}
