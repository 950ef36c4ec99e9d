import { nearest, type Option, ProtomemError } from '@protomem/core';
import { at } from './config.ts';
import type { RecipeInputs } from './recipe.ts';
import { resolveRecipe } from './recipes/index.ts';
import { isRunFile, readRunFile } from './run-file.ts';
import { type RunDraft, runSchema } from './run-schema.ts';
import { describe } from './schema.ts';

/**
 * What `--set` may change, as text: each option with what it does, its values, its default and what the named run has in its
 * place; those of each kind of a part under its name.
 *
 * @param prefix what the listed keys begin with: `head`, `head.loss`; `''` for all
 * @param name of a recipe, or of a file of one's own
 * @throws ProtomemError when no key begins so, with the nearest that does
 */
export async function listOptions(prefix: string, name?: string, inputs: RecipeInputs = {}): Promise<string> {
  const all = [...describe(runSchema)];
  const listed = all.filter(({ key }) => key.startsWith(prefix));
  if (listed.length === 0) {
    const near = nearest(prefix, [...new Set(all.flatMap(({ key }) => beginnings(key)))]);
    throw new ProtomemError({
      where: 'train',
      what: '--options',
      got: prefix,
      expected: 'what a key begins with, such as steps, head or head.loss',
      fix: near ? `Did you mean "${near}"?` : 'Without a prefix it lists every key.',
    });
  }
  const config = name === undefined ? undefined : await configOf(name, inputs);
  // Every head that takes a loss takes the same ones.
  const paragraphs = new Map<string, Set<string>>();
  for (const { key, kind = '', option } of listed) {
    const [chooser, chosen] = kind.split('=') as [string, string?];
    const has = config && (kind === '' || at(config, chooser) === chosen) ? at(config, key) : undefined;
    const same = JSON.stringify(has) === JSON.stringify(option.default ?? null);
    const own = has === undefined || same ? '' : `; ${name}: ${JSON.stringify(has)}`;
    const gap = ' '.repeat(34);
    const line = `  ${key.padEnd(34)} ${option.help}\n  ${gap} ${option.expected}; default: ${standing(option)}${own}`;
    paragraphs.set(kind, (paragraphs.get(kind) ?? new Set()).add(line));
  }
  return [...paragraphs]
    .map(([kind, lines]) => [...(kind ? [`with ${kind}`] : []), ...lines, ''].join('\n'))
    .join('\n');
}

/** `head.loss.name` begins with `head`, with `head.loss` and with itself. */
const beginnings = (key: string): string[] => key.split('.').map((_, i, parts) => parts.slice(0, i + 1).join('.'));

function standing({ default: standard, absent }: Option): string {
  if (standard === undefined) return absent ?? 'needed';
  return `${JSON.stringify(standard)}${absent === undefined ? '' : `; null: ${absent}`}`;
}

/** What a run says: a recipe that asks for data also without them, since nothing is read. */
async function configOf(name: string, inputs: RecipeInputs): Promise<RunDraft> {
  if (isRunFile(name)) return (await readRunFile(name, inputs)).config;
  try {
    return resolveRecipe(name, inputs);
  } catch {
    return resolveRecipe(name, { data: inputs.data ?? 'PATH', init: inputs.init ?? 'PATH' });
  }
}
