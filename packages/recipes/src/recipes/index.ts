import { lookUp } from '@protomem/core';
import { parseConfig } from '../config.ts';
import type { Recipe, RecipeInputs } from '../recipe.ts';
import type { RunConfig } from '../run-schema.ts';
import { demo } from './demo.ts';
import { lfw } from './lfw.ts';

export const recipes = { demo, lfw } as const satisfies Readonly<Record<string, Recipe>>;

/** The configuration of a named recipe. */
export function resolveRecipe(name: string, inputs: RecipeInputs = {}): RunConfig {
  const recipe = lookUp<Recipe>('train', 'RECIPE', recipes, name);
  return parseConfig({ recipe: name, ...recipe.differences(inputs) }, `recipe ${name}`);
}
