import { type OptionsOf, option, type Settings } from '@protomem/core';
import { verificationOptions } from '@protomem/evaluation';
import type { Embedder } from './embed-faces.ts';
import type { Outcome } from './outcome.ts';

const path = (help: string) => option.text({ help, absent: 'none' });

/** Every option that some protocol takes. Command line, `--help`, errors and README follow from these lines. */
export const protocolOptions = {
  images: path('Folder of the images; a data set of any format for retrieval.'),
  list: path("The protocol's list."),
  development: path('View 1: the list that the threshold is chosen on.'),
  meta: path('IJB: folder of the meta files.'),
  aligned: option.flag({ help: 'IJB: images are faces on the template already.', default: false }),
  distractors: path('MegaFace: list of distractors.'),
  distractorImages: option.text({ help: 'MegaFace: folder of the distractors.', absent: 'that of the images' }),
  noises: path('MegaFace: images of the probe set that are wrong.'),
  distractorNoises: path('MegaFace: distractors that are wrong.'),
  thresholdRule: verificationOptions.thresholdRule,
};

export type ProtocolOptions = OptionsOf<typeof protocolOptions>;
export type ProtocolSettings = Settings<typeof protocolOptions>;
type ProtocolOption = keyof typeof protocolOptions;

export interface Protocol {
  readonly title: string;
  readonly about: string;
  /** Options without which it cannot begin. */
  readonly needs: readonly ProtocolOption[];
  /** Options that it takes beside these; any other is refused. */
  readonly takes?: readonly ProtocolOption[];
  run(embedder: Embedder, options: ProtocolSettings): Promise<Outcome>;
}
