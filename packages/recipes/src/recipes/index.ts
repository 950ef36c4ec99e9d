import { lookUp } from '@protomem/core';
import { parseConfig } from '../config.ts';
import type { Recipe, RecipeInputs } from '../recipe.ts';
import type { RunDraft } from '../run-schema.ts';
import { demo } from './demo.ts';
import { faces } from './faces.ts';
import { fineTune } from './fine-tune.ts';
import { lfw } from './lfw.ts';

export const recipes = { demo, faces, lfw, 'fine-tune': fineTune } as const satisfies Readonly<Record<string, Recipe>>;

/** The configuration of a named recipe; what it leaves to the plan is null. */
export function resolveRecipe(name: string, inputs: RecipeInputs = {}): RunDraft {
  const recipe = lookUp<Recipe>('train', 'RECIPE', recipes, name);
  return parseConfig({ recipe: name, ...recipe.differences(inputs) }, `recipe ${name}`);
}
