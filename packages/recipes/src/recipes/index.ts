import { lookUp } from '@protomem/core';
import { parseConfig, type RunConfig } from '../config.ts';
import { demo } from './demo.ts';
import { lfw } from './lfw.ts';

/** What the command line gives a recipe. */
export interface RecipeInputs {
  /** `--data`. */
  readonly data?: string;
}

/** Anything of a configuration, to any depth. */
export type Differences<T = RunConfig> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: Differences<T[K]> }
    : T;

/** A run as what it differs in from the defaults. */
export interface Recipe {
  /** One line for `--help`. */
  readonly about: string;
  differences(inputs: RecipeInputs): Differences;
}

export const recipes = { demo, lfw } as const satisfies Readonly<Record<string, Recipe>>;

/** The configuration of a named recipe. */
export function resolveRecipe(name: string, inputs: RecipeInputs = {}): RunConfig {
  const recipe = lookUp<Recipe>('train', 'RECIPE', recipes, name);
  return parseConfig({ recipe: name, ...recipe.differences(inputs) }, `recipe ${name}`);
}
