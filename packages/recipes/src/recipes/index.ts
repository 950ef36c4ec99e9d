import { lookUp } from '@protomem/core';
import type { RunConfig } from '../config.ts';
import { demo } from './demo.ts';
import { lfw } from './lfw.ts';

/** What the command line gives a recipe. */
export interface RecipeInputs {
  /** `--data`. */
  readonly data?: string;
}

/** A function that returns a whole configuration. */
export type Recipe = (inputs: RecipeInputs) => RunConfig;

/** Recipes by name, with the line that `--help` shows. */
export const recipes: Readonly<Record<string, { readonly recipe: Recipe; readonly about: string }>> = {
  demo: { recipe: demo, about: 'synthetic faces, no data needed: a few minutes on two cores' },
  lfw: { recipe: lfw, about: 'a folder of identities (--data), tested on LFW View 1 DevTest, beside a full softmax' },
};

/** The configuration of a named recipe. */
export function resolveRecipe(name: string, inputs: RecipeInputs): RunConfig {
  return lookUp('train', 'RECIPE', recipes, name).recipe(inputs);
}
