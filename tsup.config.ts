import { defineConfig } from 'tsup';

/** One build for every package, which names its entries in its own script: ESM with declarations. */
export default defineConfig({
  format: 'esm',
  target: 'node20',
  clean: true,
  sourcemap: true,
  esbuildOptions(options) {
    // Packages hold `src`, where the maps point: no second copy of it inside them.
    options.sourcesContent = false;
  },
  // tsup sets `baseUrl`, which TypeScript 6 calls deprecated.
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
  // Names no sources: tsup adds a package's entries, and other packages' builds stay out of sight.
  tsconfig: '../../tsconfig.build.json',
});
