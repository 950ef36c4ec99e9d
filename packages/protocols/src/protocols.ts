import type { Protocol } from './protocol.ts';
import { ijbOneToMany, ijbOneToOne } from './protocols/ijb.ts';
import { megaface } from './protocols/megaface.ts';
import { retrieval } from './protocols/nearest-images.ts';
import { bin, cfpFf, cfpFp, lfw, lfwView1, pairs, twoLine } from './protocols/pair-lists.ts';

/** Every protocol by its name. */
export const protocols: Readonly<Record<string, Protocol>> = {
  lfw,
  'lfw-view1': lfwView1,
  pairs,
  'cfp-fp': cfpFp,
  'cfp-ff': cfpFf,
  'two-line': twoLine,
  bin,
  'ijb-1:1': ijbOneToOne,
  'ijb-1:n': ijbOneToMany,
  megaface,
  retrieval,
};
