import { Option } from '@commander-js/extra-typings';
import { ProtomemError } from '@protomem/core';
import { writeFileAtomic } from '@protomem/core/node';
import { clusterFromEnvironment } from '@protomem/engine';
import {
  checkRunName,
  type FoundRun,
  findRun,
  headConfigs,
  isRunFile,
  listOptions,
  recipes,
  resumeCommand,
  runFolder,
  runRecipe,
  startFrom,
} from '@protomem/recipes';
import { renderReport } from '@protomem/report';
import { DEFAULT_LIVE_PORT, type Live, startLive } from '@protomem/report/live';
import { consoleLogger, listCheckpoints } from '@protomem/training';
import { command, setOption, toNumber } from '../command-line.ts';
import { stopCode, stopOnInterrupt } from '../interrupt.ts';
import { makeSnapshot } from '../live-snapshot.ts';
import { headName, makeReport } from '../run-report.ts';

const examples = `
Recipes
${Object.entries(recipes)
  .map(([name, { about }]) => `  ${name.padEnd(8)} ${about}`)
  .join('\n')}

A file of your own holds a configuration: JSON such as a run's config.json, or a module whose default export is one, or a
function that returns one. A module may hold parts of your own: a loss, an encoder, a head, a source of images, loggers.

--options lists everything that --set changes; --options head only what begins with "head". With the run named before it,
what it has in the place of defaults is shown, too.`;

/** `protomem train`. */
export const make = () =>
  command('train', 'Trains a recipe or a file of your own, evaluates the encoder, writes the report.')
    .argument(
      '[run]',
      'name of a recipe, or a file of your own; not needed to resume a run that holds no parts of your own',
    )
    .option('--data <path>', 'aligned faces: a folder for each identity, RecordIO, WebDataset, LMDB, a list')
    .option('--root <dir>', 'of a list in --data: folder that its paths are relative to (default: that of the list)')
    .option(
      '--init <path>',
      'start from the encoder of a run, or from an encoder.safetensors, instead of random weights',
    )
    .option('--out <dir>', 'run folder; new unless --resume (default: runs/NAME)')
    .addOption(setOption('change one value, such as --set encoder.width=0.5'))
    .option('--epochs <n>', 'passes over the data in place of steps', toNumber)
    .option('--resume', 'go on where the run in --out stopped', false)
    .option('--live', 'show the run while it trains, on a page of this machine only', false)
    .option('--live-port <n>', `port of that page; 0 takes any free one (default: ${DEFAULT_LIVE_PORT})`, toNumber)
    .option('--print', 'print the configuration and stop; null: chosen from the data when it starts', false)
    .addOption(new Option('--options [prefix]', 'list what can be set, with values and defaults, and stop'))
    .addHelpText('after', examples)
    .action(async (name, { data, root, init, set, epochs, live, livePort, print, options, ...rest }) => {
      if (name !== undefined && !rest.resume) checkRunName('train', 'the run', name);
      if (options) return console.log(await listOptions(options === true ? '' : options, name, { data, init }));
      if (name === undefined && !(rest.resume && rest.out)) {
        const [what, expected] = rest.resume
          ? ['--out', 'the folder of the run to go on with']
          : ['the run', `one of ${Object.keys(recipes).join(', ')}, or a file of your own`];
        throw new ProtomemError({ where: 'train', what, got: 'missing', expected });
      }
      const changes = [
        ...(init === undefined ? [] : await startFrom(init)),
        ...(root === undefined ? [] : [`data.root=${JSON.stringify(root)}`]),
        ...set,
        ...(epochs === undefined ? [] : [`epochs=${epochs}`]),
      ];
      const run = await findRun({ name, data, init, set: changes, say: console.warn, ...rest });
      const { config } = run;
      const steps = config.epochs !== null && set.find((one) => one.startsWith('steps='));
      if (steps) console.warn(`epochs stand in for ${steps}: warm-up and evaluations keep their share of it`);
      if (print) return console.log(JSON.stringify(config, null, 2));
      const file = name !== undefined && isRunFile(name) ? name : undefined;
      await carryOut(run, { file, livePort: livePort ?? (live ? DEFAULT_LIVE_PORT : undefined) });
    });

interface CarryOutOptions {
  /** That the run is made from. */
  readonly file?: string;
  /** Port of 127.0.0.1 for a page about the run while it goes on; 0 is any free one. Default: no page. */
  readonly livePort?: number;
}

async function carryOut({ config, parts, out, resume }: FoundRun, { file, livePort }: CarryOutOptions): Promise<void> {
  const signal = stopOnInterrupt();
  const cluster = await clusterFromEnvironment();
  const first = !cluster || cluster.rank === 0;
  let live: Live | undefined;
  const { report } = runFolder(out);
  let ending = 'stopped by an error: see the terminal';
  try {
    const finished = await runRecipe(config, {
      ...{ out, resume, signal, parts, cluster, say: console.log },
      loggers: () => [consoleLogger()],
      async onBegin(begun) {
        if (livePort === undefined || !first) return;
        const heads = headConfigs(begun, out).map((head) => ({ name: headName(head.config.head.kind), out: head.out }));
        live = await startLive({ title: begun.recipe, port: livePort, steps: begun.steps, heads });
        console.log(`live: ${live.url}`);
      },
      onStep: (step) => live?.offer(() => makeSnapshot(step)),
    });
    if (finished) {
      await writeFileAtomic(report, await renderReport(await makeReport(finished)));
      console.log(`report: ${report}`);
      ending = `finished: ${report}`;
    } else if (first || signal.aborted) {
      ending = (await listCheckpoints(runFolder(out).checkpoints)).length > 0 ? 'stopped with a checkpoint' : 'stopped';
      console.log(`${ending}; go on with: ${resumeCommand(out, file)}`);
      process.exitCode = stopCode();
    }
  } finally {
    await live?.close(ending);
  }
}
