import type { CommandUnknownOpts } from '@commander-js/extra-typings';

interface Entry {
  /** One line for the list of commands. */
  readonly about: string;
  load(): Promise<{ make(): CommandUnknownOpts }>;
}

/** What `protomem` does: one file a command. */
export const commands: Readonly<Record<string, Entry>> = {
  train: { about: 'train, evaluate, write the report', load: () => import('./train.ts') },
  launch: { about: 'several processes that train together', load: () => import('./launch.ts') },
  evaluate: { about: "a run's own test anew, or any model by a protocol", load: () => import('./evaluate.ts') },
  compare: { about: 'runs side by side, with significance', load: () => import('./compare.ts') },
  report: { about: "a run's page and plots anew", load: () => import('./report.ts') },
  embed: { about: 'embeddings of all images of a data set', load: () => import('./embed.ts') },
  enrol: { about: 'people into a gallery, by their photos', load: () => import('./enrol.ts') },
  identify: { about: 'who is in a photo', load: () => import('./identify.ts') },
  gallery: { about: 'who is in a gallery; removes people', load: () => import('./gallery.ts') },
  serve: { about: 'a gallery over HTTP: enrol, identify, verify', load: () => import('./serve.ts') },
  inspect: { about: 'what a run, checkpoint, encoder or data set holds', load: () => import('./inspect.ts') },
  align: { about: 'raw photos to aligned faces', load: () => import('./align.ts') },
  convert: { about: 'a data set in another format', load: () => import('./convert.ts') },
  export: { about: 'an encoder as ONNX, TensorFlow.js or for PyTorch, checked', load: () => import('./export.ts') },
  import: { about: "an encoder of others' weights", load: () => import('./import.ts') },
  render: { about: 'synthetic faces as a data set', load: () => import('./render.ts') },
  verify: { about: 'decode every image of a data set', load: () => import('./verify.ts') },
  'draw-pairs': { about: 'pairs of people to test on', load: () => import('./draw-pairs.ts') },
  init: { about: 'a small project that trains, with a loss of your own', load: () => import('./init.ts') },
  engine: { about: 'native TensorFlow: install it, or why it does not load', load: () => import('./engine.ts') },
  pairs: { about: 'a list of pairs as a verification .bin, and back', load: () => import('./pairs.ts') },
};
