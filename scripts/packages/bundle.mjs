// Bundles programs for browsers: `node bundle.mjs BUNDLER LIBRARY FOLDER OUT NAME...` bundles FOLDER/NAME.mjs into OUT/NAME.js by the
// bundler whose module is LIBRARY, and prints a line of JSON for each: its name, and what the bundler said against it.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [bundler, library, folder, out, ...names] = process.argv.slice(2);
const load = async () =>
  bundler === 'webpack' ? createRequire(library)(library) : await import(pathToFileURL(library).href);

const bundlers = {
  async esbuild({ build, formatMessages }, entry, name) {
    const options = { bundle: true, format: 'esm', target: 'es2022', logLevel: 'silent' };
    const { errors, warnings } = await build({
      ...options,
      entryPoints: [entry],
      outfile: join(out, `${name}.js`),
    }).catch((error) => ({ errors: error.errors, warnings: [] }));
    return formatMessages([...errors, ...warnings], { kind: 'warning' });
  },

  async vite({ build }, entry, name) {
    const said = [];
    const note = (text) => said.push(text);
    const customLogger = {
      info() {},
      ...{ warn: note, warnOnce: note, error: note, clearScreen() {}, hasErrorLogged: () => false, hasWarned: false },
    };
    const build_ = {
      ...{ outDir: join(out, name), target: 'es2022', chunkSizeWarningLimit: 1e6, emptyOutDir: true },
      rollupOptions: { input: entry, output: { entryFileNames: `${name}.js` }, preserveEntrySignatures: false },
    };
    const options = { configFile: false, root: folder, logLevel: 'warn', customLogger, build: build_ };
    await build(options).catch((error) => said.push(error.message));
    return said;
  },

  async webpack(webpack, entry, name) {
    const output = { path: out, filename: `${name}.js`, module: true, chunkFormat: 'module' };
    const options = { mode: 'production', target: ['web', 'es2022'], performance: { hints: false }, context: folder };
    return new Promise((resolve) => {
      webpack({ ...options, entry, output, experiments: { outputModule: true } }, (error, stats) => {
        if (error) return resolve([error.message]);
        const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
        resolve([...errors, ...warnings].map(({ moduleName = '', message }) => `${moduleName} ${message}`));
      });
    });
  },
};

const bundle = bundlers[bundler.replace(/\d+$/, '')];
const module = await load();
for (const name of names) {
  const said = await bundle(module, join(folder, `${name}.mjs`), name);
  console.log(JSON.stringify({ name, said: said.map((text) => text.trim()) }));
}
process.exit();
