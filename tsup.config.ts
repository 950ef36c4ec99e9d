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
  // tsup sets `baseUrl`, which TypeScript 6 calls deprecated. Without conditions, declarations see the packages that this one
  // builds on as its users do, by their own declarations, built before: half the work of checking their sources again.
  dts: { compilerOptions: { ignoreDeprecations: '6.0', customConditions: [] } },
  // Names no sources: tsup adds a package's entries.
  tsconfig: '../../tsconfig.build.json',
});
