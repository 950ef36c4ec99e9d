import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const packages = join(import.meta.dirname, '../packages');

/** Packages that the `ts` blocks of a page import, but for Node's own. */
function imported(page: string): string[] {
  const blocks = Array.from(page.matchAll(/```ts\n(.*?)```/gs), ([, block]) => block!).join('\n');
  const specifiers = Array.from(
    blocks.matchAll(/(?:\bfrom|^import|\bimport\() ?'([^'.][^']*)'/gm),
    ([, name]) => name!,
  );
  return specifiers.filter((name) => !name.startsWith('node:')).map((name) => /^(@[^/]+\/)?[^/]+/.exec(name)![0]);
}

it.each(await readdir(packages))(
  'the README of %s has installed what its examples import, and the peers that the package needs',
  async (name) => {
    const page = await readFile(join(packages, name, 'README.md'), 'utf8');
    const manifest = JSON.parse(await readFile(join(packages, name, 'package.json'), 'utf8'));
    const optional = (peer: string): boolean => manifest.peerDependenciesMeta?.[peer]?.optional === true;
    const peers = Object.keys(manifest.peerDependencies ?? {}).filter((peer) => !optional(peer));
    const installed = Array.from(page.matchAll(/^npm (?:install|i) ([^#\n]*)/gm), ([, names]) =>
      names!.trim().split(/\s+/),
    ).flat();
    expect(installed).toEqual(expect.arrayContaining([manifest.name, ...imported(page), ...peers]));
  },
);

it('sees an import wherever it stands', () => {
  const page =
    "```ts\nimport 'a/b';\nimport {\n  x,\n} from '@c/d/e';\nconst y = await import('f');\nimport { z } from './own.ts';\n```";
  expect(imported(page)).toEqual(['a', '@c/d', 'f']);
});
