// Part of the build: tfjs-node as this package ships it, in dist/tfjs-node. Its program in one file that needs nothing but
// @tensorflow/tfjs, the C++ sources of its binding, and the licences of what the file holds. What only its installer needs
// (tar 6, rimraf 2 with glob 7, node-pre-gyp) stays out.
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const from = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-node/package.json'));
const to = join(import.meta.dirname, '../dist/tfjs-node');
mkdirSync(to, { recursive: true });

const { metafile } = await build({
  ...{ entryPoints: [join(from, 'dist/index.js')], outfile: join(to, 'tfjs-node.cjs'), bundle: true, metafile: true },
  ...{ platform: 'node', target: 'node20', format: 'cjs', legalComments: 'inline', logLevel: 'warning' },
  // One kernel takes three names from the core, which the whole has as well; a copy of the core would be another one.
  alias: { '@tensorflow/tfjs-core': '@tensorflow/tfjs' },
  external: ['@tensorflow/tfjs', '@mapbox/node-pre-gyp'],
});

const { name, version, license, repository } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'));
writeFileSync(join(to, 'package.json'), `${JSON.stringify({ name, version, license, repository }, undefined, 2)}\n`);
cpSync(join(from, 'binding'), join(to, 'binding'), { recursive: true });

/** Folder of the package that a file belongs to. */
const packageOf = (file: string): string => file.replace(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\/.*$/, '$1');
const bundled = [...new Set(Object.keys(metafile.inputs).map(packageOf))];
const notices = bundled.map((folder) => {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt'].map((one) => join(folder, one)).find((one) => existsSync(one));
  const text = file ? readFileSync(file, 'utf8').trim() : 'The text comes with this package: LICENSE.';
  if (!file && manifest.license !== 'Apache-2.0') console.warn(`${manifest.name} holds no text of its licence`);
  return `${manifest.name} ${manifest.version} (${manifest.license})\n\n${text}\n`;
});
writeFileSync(join(to, 'NOTICE'), notices.join(`\n${'-'.repeat(80)}\n\n`));
