import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { baselines } from '@protomem/baselines';
import { type Options, optionTable } from '@protomem/core';
import { optimizers, schedules } from '@protomem/training';
import { expect, it } from 'vitest';

/**
 * Tables of options in READMEs stand between `<!-- options: NAME -->` and `<!-- /options -->`; NAME is a part that the
 * package exports, or its options. With PROTOMEM_UPDATE=1 they are written anew, to be formatted by `npm run format`.
 */
const marked = /(<!-- options: (\w+) -->\n).*?(<!-- \/options -->)/gs;
const packages = join(import.meta.dirname, '../packages');

/** A table however it is padded. */
const cells = (text: string): string =>
  text
    .replace(/-+/g, '-')
    .replace(/[ \t]+/g, ' ')
    .trim();

it.each(await readdir(packages))(
  'tables of options in the README of %s are as the package declares them',
  async (name) => {
    const file = join(packages, name, 'README.md');
    const text = await readFile(file, 'utf8');
    if (!text.includes('<!-- options:')) return;
    const node = name === 'gallery' ? await import('@protomem/gallery/node') : {};
    const exported = { ...(await import(`@protomem/${name}`)), ...node } as Readonly<
      Record<string, { options?: Options } & Options>
    >;
    const written = text.replace(marked, (_, begin, part, end) => {
      const found = exported[part];
      if (!found) throw new Error(`@protomem/${name} exports no ${part}`);
      return `${begin}\n${optionTable(found.options ?? found)}\n\n${end}`;
    });
    if (process.env.PROTOMEM_UPDATE) await writeFile(file, written);
    else expect(cells(text)).toBe(cells(written));
  },
);

it.each(Object.entries({ baselines: [baselines], training: [optimizers, schedules] }))(
  'the README of %s has a table for each part in its registries',
  async (name, registries) => {
    const text = await readFile(join(packages, name, 'README.md'), 'utf8');
    const parts = registries.flatMap((registry) => Object.values(registry)).map((part) => part.name);
    expect(parts.filter((part) => !text.includes(`<!-- options: ${part} -->`))).toEqual([]);
  },
);
