import { flagsOf, pnpm, publicPackages, readManifest, root, run, say } from '../house.ts';
import { isFine } from './spdx.ts';

/**
 * `npm run licenses`: licences of all that production installs bring, grouped, from pnpm's list; fails at one that is not
 * allowed. Then what the registry knows of weaknesses, where it answers.
 */
const allowed = new Set([
  ...['MIT', 'ISC', 'Apache-2.0', 'Apache 2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD'],
  ...['BlueOak-1.0.0', 'Unlicense', 'CC0-1.0', 'Zlib', 'MIT-0'],
]);

/** Weak copyleft that is allowed by name, with why. */
const exceptions: Readonly<Record<string, { readonly of: RegExp; readonly why: string }>> = {
  'LGPL-3.0-or-later': {
    of: /^@img\/sharp-(libvips-|win32-|wasm32)/,
    why: 'libvips, a shared library of its own beside sharp, which users may exchange; nothing of it is linked into our code',
  },
};

interface Licensed {
  readonly name: string;
  readonly versions: readonly string[];
  readonly license: string;
}

const fine = (expression: string, name: string): boolean =>
  isFine(expression, (licence) => allowed.has(licence) || exceptions[licence]?.of.test(name) === true);

flagsOf(
  'npm run licenses',
  'Lists the licences of production dependencies, and what the registry knows of weaknesses.',
  {},
);

// What packages leave to their users to install stands among the dependencies of the examples.
const names = [...publicPackages().map(({ manifest }) => manifest.name), 'examples'];
const filters = names.flatMap((name) => ['--filter', name]);
const listed = JSON.parse(await pnpm([...filters, 'licenses', 'list', '--prod', '--json', '--recursive'])) as Record<
  string,
  Licensed[]
>;
const refused: string[] = [];
for (const [license, packages] of Object.entries(listed).sort(([, a], [, b]) => b.length - a.length)) {
  console.log(`${license} (${packages.length}): ${packages.map(({ name }) => name).join(', ')}`);
  for (const [exception, { of, why }] of Object.entries(exceptions)) {
    if (license.includes(exception) && packages.some(({ name }) => of.test(name))) console.log(`  allowed: ${why}`);
  }
  for (const { name, versions } of packages) if (!fine(license, name)) refused.push(`${name} ${versions}: ${license}`);
}
const audit = await run('npx', ['--yes', readManifest(root).packageManager, 'audit', '--prod'], { seconds: 120 });
say(`audit of production dependencies, of the private packages too: ${audit.output.trim()}`);
if (refused.length > 0) {
  console.error(`[protomem] licences that are not allowed:\n${refused.join('\n')}`);
  process.exitCode = 1;
}
