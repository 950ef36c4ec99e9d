import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { baselines } from '@protomem/baselines';
import { datasetFormats, samplers } from '@protomem/data';
import { encoders } from '@protomem/encoders';
import { losses } from '@protomem/losses';
import { recipes } from '@protomem/recipes';
import { optimizers, schedules } from '@protomem/training';
import { describe, expect, it } from 'vitest';
import { siteLink } from './links.ts';
import { groups, routeOf, summaryOf, titleOf } from './navigation.ts';
import { packages, root } from './packages.ts';

const files = groups.flatMap((group) => group.files);

describe('the navigation', () => {
  it('has pages that are there, each once, with a heading and a sentence', () => {
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
    expect(new Set(files).size).toBe(files.length);
    expect(files.filter((file) => titleOf(file) === '' || summaryOf(file).length < 20)).toEqual([]);
  });

  it('has every package, and every entry a source', () => {
    expect(packages.length).toBeGreaterThan(10);
    expect(packages.filter(({ folder }) => !files.includes(`${folder}/README.md`))).toEqual([]);
    const sources = packages.flatMap(({ folder, entries }) => entries.map(({ source }) => join(root, folder, source)));
    expect(sources.filter((source) => !existsSync(source))).toEqual([]);
  });

  it('has every page of the repository', () => {
    const tracked = spawnSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
      cwd: root,
      encoding: 'utf8',
    });
    const pages = tracked.stdout.split('\n').filter((file) => file !== '' && !/^\.changeset\/|\/template\//.test(file));
    expect([...files].sort()).toEqual(pages.sort());
  });

  it('leads nowhere twice', () => {
    expect(new Set(files.map(routeOf)).size).toBe(files.length);
  });
});

describe('links', () => {
  it.each([
    ['README.md', 'docs/walk-through.md', '/docs/walk-through.md'],
    ['README.md', 'packages/recipes#the-plan', '/packages/recipes/index.md#the-plan'],
    ['README.md', 'apps/train', '/apps/train/index.md'],
    ['README.md', 'apps/benchmark', '/ARCHITECTURE.md'],
    ['docs/walk-through.md', '../README.md', '/index.md'],
    ['packages/memory/README.md', 'src/method.ts', '/files/packages/memory/src/method.ts.txt'],
    ['packages/native/README.md', '../engine', '/packages/engine/index.md'],
    ['README.md', 'https://arxiv.org/abs/2105.02103', 'https://arxiv.org/abs/2105.02103'],
    ['README.md', '#status', '#status'],
    ['README.md', 'docs/gone.md', 'docs/gone.md'],
  ])('of %s to %s', (file, href, on) => {
    expect(siteLink(file, href)).toBe(on);
  });

  it('of every page are to what is there, headings too', () => {
    const slug = (heading: string): string =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} -]/gu, '')
        .trim()
        .replaceAll(/ +/g, '-');
    const dead = files.flatMap((file) => {
      const text = readFileSync(join(root, file), 'utf8').replaceAll(/```.*?```/gs, '');
      return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, href]) => {
        const link = siteLink(file, href!);
        if (/^[a-z]+:/.test(link) || link.startsWith('/files/')) return [];
        if (!/^[/#]/.test(link)) return existsSync(join(root, file, '..', link)) ? [] : [`${file}: ${href}`];
        const [page, anchor] = link.split('#');
        const target = page === '' ? file : files.find((other) => `/${routeOf(other)}` === page)!;
        if (!anchor || !target) return target ? [] : [`${file}: ${href}`];
        const headings = [...readFileSync(join(root, target), 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, one]) =>
          slug(one!),
        );
        return headings.includes(anchor) ? [] : [`${file}: ${href}`];
      });
    });
    expect(dead).toEqual([]);
  });
});

it.each([
  ['losses', losses],
  ['heads', baselines],
  ['encoders', encoders],
  ['samplers', samplers],
  ['data', datasetFormats],
  ['optimizers', { ...optimizers, ...schedules }],
  ['recipes', recipes],
] as const)('the page of %s names all that there are', (page, registry) => {
  const text = readFileSync(join(root, `docs/parts/${page}.md`), 'utf8');
  expect(Object.keys(registry).filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});
