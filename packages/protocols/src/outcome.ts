import type { HoldOut, Identification, MegaFaceResult, Retrieval, TarAtFar } from '@protomem/evaluation';
import type { Faces } from './embed-faces.ts';

/** Pairs that have been scored, with all that a report about them needs. */
export interface PairOutcome {
  readonly kind: 'pairs';
  readonly scores: Float64Array;
  readonly labels: Uint8Array;
  /** Two positions in `faces` a pair; absent where pairs are of templates. */
  readonly faces?: { readonly list: Faces; readonly pairs: Int32Array };
  /** The two people of each pair as numbers, where they are known. */
  readonly people?: Int32Array;
  /** How pairs are dealt into folds; absent for protocols that have none. */
  readonly split?: 'contiguous' | 'interleaved';
  readonly folds: number;
  /** View 1: the threshold comes from a list of its own. */
  readonly holdOut?: HoldOut;
  /** Where a published script takes the nearest point of the curve, what it would say. */
  readonly nearest?: readonly TarAtFar[];
  readonly fars: readonly number[];
}

export interface IdentificationOutcome {
  readonly kind: 'identification';
  readonly results: readonly Identification[];
}

export interface MegaFaceOutcome {
  readonly kind: 'megaface';
  readonly raw: MegaFaceResult;
  /** Without the images that the noise lists name. */
  readonly clean?: MegaFaceResult;
}

export interface RetrievalOutcome {
  readonly kind: 'retrieval';
  readonly result: Retrieval;
}

export type Outcome = PairOutcome | IdentificationOutcome | MegaFaceOutcome | RetrievalOutcome;
