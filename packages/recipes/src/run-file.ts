import { readFile } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { nearest, ProtomemError, parseJson } from '@protomem/core';
import type { CosineLoss } from '@protomem/core/contracts';
import { systemReason } from '@protomem/core/node';
import { tsImport } from 'tsx/esm/api';
import { parseConfig, withDifferences } from './config.ts';
import { type OwnParts, takeOwnParts } from './own-parts.ts';
import type { Differences, RecipeInputs } from './recipe.ts';
import { recipes, resolveRecipe } from './recipes/index.ts';
import type { RunDraft } from './run-schema.ts';

/** A configuration, and the parts of its user's own that it names. */
export interface Run {
  readonly config: RunDraft;
  readonly parts: OwnParts;
}

type Head = Exclude<Differences<RunDraft['head']>, { readonly kind?: 'own' }>;
/** Of each kind by itself: what they have in common is less than what each has. */
type WithAnyLoss<H> = H extends unknown
  ? Omit<H, 'loss'> & {
      readonly loss?: CosineLoss | Differences<Extract<RunDraft['head'], { loss: unknown }>['loss']>;
    }
  : never;

/**
 * What a file of one's own exports: differences from the defaults or, with `from`, from a recipe; and parts of one's own
 * wherever a part stands.
 *
 * @example
 * ```ts
 * export default {
 *   from: 'demo',
 *   steps: 100,
 *   head: { loss: (cosines, targets) => mine(cosines, targets) },
 * } satisfies Configuration;
 * ```
 */
export interface Configuration extends Omit<Differences, 'head' | 'encoder' | 'data'> {
  /** Name of the recipe that it differs from. Default: none. */
  readonly from?: string;
  readonly head?: WithAnyLoss<Head> | NonNullable<OwnParts['head']> | { readonly own: NonNullable<OwnParts['head']> };
  readonly encoder?:
    | Differences<RunDraft['encoder']>
    | { readonly own: NonNullable<OwnParts['encoder']>; readonly inputSize: number; readonly embeddingSize: number };
  readonly data?: Differences<RunDraft['data']> | NonNullable<OwnParts['source']>;
  readonly loggers?: OwnParts['loggers'];
}

/** Whether the command line names a file rather than a recipe. */
export const isRunFile = (name: string): boolean => runFileEndings.some((ending) => name.endsWith(ending));
const runFileEndings = ['.json', '.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'];

/**
 * Refuses what is neither a recipe's name nor a file's.
 *
 * @param others that are known, too, where it stands
 */
export function checkRunName(where: string, what: string, name: string, others: readonly string[] = []): void {
  const known = [...others, ...Object.keys(recipes)];
  if (Object.hasOwn(recipes, name) || isRunFile(name)) return;
  const near = nearest(name, known);
  throw new ProtomemError({
    where,
    what,
    got: name,
    expected: `one of ${known.join(', ')}, or a file that ends in ${runFileEndings.join(', ')}`,
    fix: near ? `Did you mean "${near}"?` : undefined,
  });
}

/**
 * A run from a file: JSON, such as a finished run's `config.json`, or a module in TypeScript or JavaScript whose default
 * export is a {@link Configuration} or a function of {@link RecipeInputs} that returns one.
 *
 * @param inputs `data`: given to the recipe that the file names by `from`, else in the place of the file's own
 * @throws ProtomemError when the file cannot be read or its configuration is wrong
 */
export async function readRunFile(path: string, inputs: RecipeInputs = {}): Promise<Run> {
  const exported =
    extname(path) === '.json'
      ? parseJson(await readText(path), { where: path, what: 'its text' })
      : await importDefault(path);
  return toRun(typeof exported === 'function' ? await exported(inputs) : exported, path, inputs);
}

/**
 * A run from a {@link Configuration}.
 *
 * @param where for messages; a configuration without `recipe` is called after it
 */
export function toRun(configuration: unknown, where: string, inputs: RecipeInputs = {}): Run {
  if (typeof configuration !== 'object' || configuration === null) {
    throw new ProtomemError({
      where,
      what: 'its configuration',
      got: configuration ?? 'missing',
      expected: 'an object',
    });
  }
  const { rest, parts } = takeOwnParts(configuration as Readonly<Record<string, unknown>>);
  const { from, ...differences } = rest;
  const label = { recipe: basename(where, extname(where)) };
  // What becomes of `--data` is the recipe's business, where there is one.
  const base = from === undefined ? {} : { ...resolveRecipe(String(from), inputs), ...label };
  const data = from === undefined && inputs.data !== undefined ? { data: { kind: 'dataset', path: inputs.data } } : {};
  const merged = [label, differences, data].reduce<unknown>((all, each) => withDifferences(where, all, each), base);
  return { config: parseConfig(merged, where), parts };
}

interface Exports {
  readonly default?: unknown;
  readonly __esModule?: boolean;
}

/** TypeScript below a package.json without "type": "module" is compiled to CommonJS: all its exports are the default one. */
export function defaultOf(module: Exports): unknown {
  const { default: exported } = module;
  return (exported as Exports | undefined)?.__esModule ? (exported as Exports).default : exported;
}

async function importDefault(path: string): Promise<unknown> {
  const url = pathToFileURL(resolve(path)).href;
  await readText(path);
  // A program that runs TypeScript already imports it itself, so that its modules are there once.
  const typescript = /\.[cm]?ts$/.test(path) && !process.execArgv.some((arg) => arg.includes('tsx'));
  const exported = defaultOf(await (typescript ? tsImport(url, import.meta.url) : import(url)));
  if (exported !== undefined) return exported;
  throw new ProtomemError({
    where: path,
    what: 'its default export',
    got: 'missing',
    expected: 'a configuration, or a function that returns one',
  });
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const [got, expected] = [systemReason(error), 'a configuration in JSON, or a module that exports one'];
    throw new ProtomemError({ where: 'train', what: path, got, expected }, { cause: error });
  });
}
