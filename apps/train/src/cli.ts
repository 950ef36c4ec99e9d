import { parseArgs } from 'node:util';
import { ProtomemError } from '@protomem/core';
import type { ArithmeticName } from '@protomem/evaluation';
import { protocols } from '@protomem/protocols';
import {
  defaultRunFolder,
  patchConfig,
  type RunConfig,
  readRunConfig,
  recipes,
  resolveRecipe,
} from '@protomem/recipes';
import { DEFAULT_LIVE_PORT } from '@protomem/report/live';
import { compare } from './compare.ts';
import { embed } from './embed.ts';
import { evaluate } from './evaluate.ts';
import { identify } from './identify.ts';
import { inspect } from './inspect.ts';
import { report } from './report.ts';
import { train } from './train.ts';

const help = `Train and evaluate face encoders with Prototype Memory.

  npm run train -- RECIPE [--data PATH] [--out DIR] [--set KEY=VALUE ...]   train, evaluate, write the report
  npm run train -- RECIPE --out DIR --resume                               go on from the newest checkpoint
  npm run train -- evaluate RUN [--data PATH] [--set KEY=VALUE ...]         a run's own test anew: metrics.json, report, plots
  npm run train -- evaluate MODEL --protocol NAME --images DIR ...          a test by name (see below)
  npm run train -- compare RUN... [--out FILE]                              runs side by side, with significance; comparison.html
  npm run train -- report RUN [--out FILE]                                  a run's page and plots anew, from its files
  npm run train -- embed MODEL IMAGES --out FILE [--flip] [--raw]            embeddings of all images, as .npy or .jsonl
  npm run train -- identify PHOTO --model RUN --gallery DIR [--far X]        who it is: same, not sure or different
  npm run train -- inspect PATH                                            what a run, checkpoint, encoder or folder holds

Recipes
${Object.entries(recipes)
  .map(([name, { about }]) => `  ${name.padEnd(8)} ${about}`)
  .join('\n')}

MODEL is a run, an encoder.safetensors, a .onnx file, a TensorFlow.js model.json, or for evaluate an .npy that embed --flip wrote
(with --raw for IJB, where the length of an embedding counts).

Protocols of evaluate
${Object.entries(protocols)
  .map(
    ([name, { about, needs }]) => `  ${name.padEnd(10)} ${about}; needs ${needs.map((need) => `--${need}`).join(' ')}`,
  )
  .join('\n')}
  --images DIR      folder of the images; a data set of any format for retrieval
  --list FILE       the protocol's list
  --development F   lfw-view1: the list that the threshold is chosen on
  --meta DIR        IJB: the folder of the meta files; --aligned: its images are faces on the template already
  --distractors F   MegaFace: list of distractors (--distractor-images DIR, --noises FILE, --distractor-noises FILE)
  --arithmetic A    thresholds and comparisons of insightface (default), facex-zoo, scikit-learn, or exact
  --mean, --scale X foreign models get (pixel - mean) / scale; default 127.5 and 127.5
  --batch N         images at a time; default 64

Options
  --data PATH       images: a folder with one folder for each identity, RecordIO, WebDataset, ... (see npm run data)
  --out DIR         run folder (default runs/RECIPE); must be new unless --resume
  --set KEY=VALUE   change one value of the recipe, such as --set encoder.width=0.5; may be repeated
  --resume          go on where the run in --out stopped
  --live            show the run while it trains, on a page of this machine only
  --live-port N     port of that page (default ${DEFAULT_LIVE_PORT}); 0 takes any free one
  --print           print the resolved configuration and stop
  --help            this text
`;

const options = {
  data: { type: 'string' },
  out: { type: 'string' },
  set: { type: 'string', multiple: true },
  resume: { type: 'boolean' },
  live: { type: 'boolean' },
  'live-port': { type: 'string' },
  model: { type: 'string' },
  gallery: { type: 'string' },
  far: { type: 'string' },
  top: { type: 'string' },
  flip: { type: 'boolean' },
  raw: { type: 'boolean' },
  batch: { type: 'string' },
  protocol: { type: 'string' },
  images: { type: 'string' },
  list: { type: 'string' },
  development: { type: 'string' },
  meta: { type: 'string' },
  aligned: { type: 'boolean' },
  distractors: { type: 'string' },
  'distractor-images': { type: 'string' },
  noises: { type: 'string' },
  'distractor-noises': { type: 'string' },
  arithmetic: { type: 'string' },
  mean: { type: 'string' },
  scale: { type: 'string' },
  print: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parse(args);
  const [command, ...rest] = positionals;
  if (values.help || command === undefined) {
    console.log(help);
    return;
  }
  const { data, set = [] } = values;
  const batch = Number(values.batch ?? 64);
  const scale = {
    ...(values.mean === undefined ? {} : { mean: Number(values.mean) }),
    ...(values.scale === undefined ? {} : { scale: Number(values.scale) }),
  };
  if (command === 'embed') {
    const [model, images, ...extra] = rest;
    refuseExtra(extra);
    if (model === undefined || images === undefined || values.out === undefined) {
      const expected = 'a run or an encoder, images, and --out FILE';
      throw new ProtomemError({ where: 'embed', what: 'its arguments', got: rest.join(' ') || 'missing', expected });
    }
    return embed(model, images, {
      out: values.out,
      flip: values.flip ?? false,
      raw: values.raw ?? false,
      batch,
      scale,
    });
  }
  if (command === 'identify') {
    const [photo, ...extra] = rest;
    refuseExtra(extra);
    const { model, gallery, far = '0.01', top = '5' } = values;
    if (photo === undefined || model === undefined || gallery === undefined) {
      const expected = 'a photo, --model RUN and --gallery DIR';
      throw new ProtomemError({ where: 'identify', what: 'its arguments', got: args.join(' '), expected });
    }
    return identify(photo, model, { gallery, far: Number(far), top: Number(top) });
  }
  if (command === 'compare') return compare(rest, values.out ?? 'comparison.html');
  if (command === 'evaluate' || command === 'inspect' || command === 'report') {
    const [path, ...extra] = rest;
    refuseExtra(extra);
    if (path === undefined) {
      throw new ProtomemError({ where: command, what: 'its argument', got: 'missing', expected: 'a path' });
    }
    if (command === 'inspect') return inspect(path);
    if (command === 'report') return report(path, values.out);
    const { aligned = false, arithmetic = 'insightface', ...named } = values;
    return evaluate(path, { ...named, aligned, arithmetic: arithmetic as ArithmeticName, batch, scale, data, set });
  }
  refuseExtra(rest);
  const out = values.out ?? defaultRunFolder(command);
  const config = values.resume ? await readRunConfig(out, command, { data, set }) : resolve(command, data, set);
  if (values.print) {
    console.log(JSON.stringify(config, null, 2));
    return;
  }
  const port = values['live-port'];
  const livePort = port !== undefined ? Number(port || Number.NaN) : values.live ? DEFAULT_LIVE_PORT : undefined;
  await train(config, { out, resume: values.resume ?? false, signal: abortOnInterrupt(), livePort });
}

function resolve(recipe: string, data: string | undefined, set: readonly string[]): RunConfig {
  return patchConfig(resolveRecipe(recipe, { data }), set);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new ProtomemError(
      { where: 'train', what: 'the command line', got: args.join(' '), expected: (error as Error).message },
      { cause: error },
    );
  }
}

function refuseExtra(extra: readonly string[]): void {
  if (extra.length === 0) return;
  throw new ProtomemError({
    where: 'train',
    what: 'an argument',
    got: extra[0],
    expected: 'nothing more',
    fix: 'See --help.',
  });
}

/** The first Ctrl-C ends the run after the step under way, with a checkpoint; the second ends it at once. */
function abortOnInterrupt(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(130);
      console.log('\nstopping after this step with a checkpoint; once more ends at once, without one');
      controller.abort();
    });
  }
  return controller.signal;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const told = error instanceof ProtomemError;
  console.error(told ? `error: ${error.message}` : error);
  process.exitCode = 1;
});
