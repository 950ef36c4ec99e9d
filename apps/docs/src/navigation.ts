import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packages, root } from './packages.ts';

export interface Group {
  readonly title: string;
  /** Files of the repository, from its root. */
  readonly files: readonly string[];
}

const pagesIn = (folder: string): string[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .sort((a, b) => Number(b === 'README.md') - Number(a === 'README.md') || (a < b ? -1 : 1))
    .map((name) => `${folder}/${name}`);

/** The site: pages are the repository's own files, in groups. */
export const groups: readonly Group[] = [
  {
    title: 'Start',
    files: [
      'README.md',
      'docs/train-in-this-page.md',
      'docs/people-in-this-page.md',
      'docs/walk-through.md',
      'docs/bring-your-own-encoder.md',
      'examples/README.md',
      'docs/watching-a-run.md',
      'docs/several-machines.md',
      'docs/scale.md',
      'docs/how-fast-is-it.md',
    ],
  },
  {
    title: 'Concepts',
    files: ['docs/concepts/prototypes.md', 'docs/concepts/obsolescence.md', 'docs/concepts/a-step.md'],
  },
  { title: 'Parts', files: pagesIn('docs/parts') },
  { title: 'Packages', files: [...packages.map(({ folder }) => `${folder}/README.md`), 'apps/train/README.md'] },
  { title: 'Protocols', files: pagesIn('docs/protocols') },
  { title: 'Benchmarks', files: pagesIn('benchmarks') },
  { title: 'The house', files: ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'RELEASING.md', ...pagesIn('docs/decisions')] },
];

/** Where a file of the repository stands on the site; undefined where it is no page. */
export function routeOf(file: string): string | undefined {
  const api = /^apps\/docs\/(api\/.*\.md)$/.exec(file)?.[1];
  if (api) return api;
  const isPage = groups.some(({ files }) => files.includes(file));
  return isPage ? file.replace(/(^|\/)README\.md$/, '$1index.md') : undefined;
}

/** A page's first heading, as text. */
export function titleOf(file: string): string {
  const heading = /^# (.*)$/m.exec(readFileSync(join(root, file), 'utf8'))?.[1];
  if (!heading) throw new Error(`${file}: no heading "# ..."`);
  return heading.replace(/^@protomem\//, '').replaceAll(/[`*]/g, '');
}

/** A page's first sentence, of some words at least, as text on one line; its heading, where it has none. */
export function summaryOf(file: string): string {
  const text = readFileSync(join(root, file), 'utf8');
  const paragraphs = text.replaceAll(/```.*?```/gs, '').split(/\n\s*\n/);
  // Not a benchmark's date and machine, a table or a comment.
  const first =
    paragraphs.find((text) => text.trim().length > 30 && /^(?!\d{4}-\d\d-\d\d)(- )?[\w*`("]/.test(text.trim())) ??
    titleOf(file);
  const plain = first
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/^- |^\d{4}-\d\d(-\d\d)?\. |\*\*|`|\b_|_\b/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
  return /^.{25,}?\.(?= |$)/.exec(plain)?.[0] ?? plain;
}
