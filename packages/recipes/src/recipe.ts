import type { RunDraft } from './run-schema.ts';

/** What the command line gives a recipe. */
export interface RecipeInputs {
  /** `--data`. */
  readonly data?: string;
  /** `--init`. */
  readonly init?: string;
}

/** Anything of a configuration, to any depth. */
export type Differences<T = RunDraft> = T extends readonly unknown[]
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
