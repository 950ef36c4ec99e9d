import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { defineConfig } from 'vitepress';
import { carried, siteLink } from '../src/links.ts';
import { groups, routeOf, summaryOf, titleOf } from '../src/navigation.ts';
import { packages, root } from '../src/packages.ts';

const pages = groups.flatMap(({ files }) => files);
const items = (files: readonly string[]) => files.map((file) => ({ text: titleOf(file), link: `/${routeOf(file)}` }));
const description = 'Train face encoders in TypeScript, at any number of identities.';

export default defineConfig({
  title: 'protomem',
  description,
  base: process.env.PROTOMEM_DOCS_BASE ?? '/',
  // Pages are the repository's files where they lie, and nothing else is one.
  srcDir: root,
  srcExclude: [
    '.changeset/**',
    '.turbo/**',
    'runs/**',
    'evaluations/**',
    'examples/*/**',
    'packages/*/*/**',
    'apps/!(docs)/*/**',
  ],
  outDir: join(root, 'apps/docs/dist'),
  cacheDir: join(root, 'apps/docs/.vitepress/cache'),
  rewrites: (id) => routeOf(id) ?? id,
  markdown: {
    config: (md) => {
      md.core.ruler.push('links-of-the-repository', ({ tokens, env }) => {
        const file = relative(root, env.realPath ?? env.path);
        for (const token of tokens.flatMap(({ children }) => children ?? [])) {
          const href = token.type === 'link_open' ? token.attrGet('href') : undefined;
          if (href) token.attrSet('href', siteLink(file, href));
        }
      });
    },
  },
  vite: {
    publicDir: join(root, 'apps/docs/public'),
    resolve: { conditions: ['@protomem/source'] },
    plugins: [
      {
        name: 'vue-of-the-site',
        enforce: 'pre',
        // Pages lie where no package is found; what renders them lies here. What runs in pages is no part of that.
        resolveId: (id, _importer, { ssr }) =>
          ssr && /^vue(\/|$)|\/(page\/mount|people-in-page)\.ts$/.test(id) ? { id, external: true } : undefined,
      },
    ],
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Train in this page', link: '/docs/train-in-this-page.md' },
      { text: 'Concepts', link: '/docs/concepts/prototypes.md' },
      { text: 'Benchmarks', link: '/benchmarks/index.md' },
      { text: 'API', link: '/api/index.md' },
    ],
    sidebar: [
      ...groups.map(({ title, files }, place) => ({ text: title, items: items(files), collapsed: place > 2 })),
      {
        text: 'API',
        link: '/api/index.md',
        collapsed: true,
        items: packages.flatMap(({ entries }) =>
          entries.map(({ name }) => ({ text: name.replace('@protomem/', ''), link: `/api/${apiPage(name)}` })),
        ),
      },
    ],
  },
  async buildEnd({ outDir }) {
    for (const file of carried) {
      const to = join(outDir, 'files', `${file}.txt`);
      await mkdir(dirname(to), { recursive: true });
      await copyFile(join(root, file), to);
    }
    const lines = groups.flatMap(({ title, files }) => [
      `\n## ${title}\n`,
      ...files.map((file) => `- [${titleOf(file)}](/${routeOf(file)!.replace('.md', '.html')}): ${summaryOf(file)}`),
    ]);
    await writeFile(join(outDir, 'llms.txt'), `# protomem\n\n> ${description}\n${lines.join('\n')}\n`);
    console.log(`${pages.length} pages of the repository, ${carried.size} files beside them`);
  },
});

function apiPage(name: string): string {
  return `${name}.md`;
}
