import { existsSync } from 'node:fs';
import { writeFileAtomic } from '@protomem/core';
import { headConfigs, type RunConfig, runFolder, runRecipe } from '@protomem/recipes';
import { renderReport } from '@protomem/report';
import { startLive } from '@protomem/report/live';
import { consoleLogger } from '@protomem/training';
import { makeSnapshot } from './live-snapshot.ts';
import { headNames, makeReport } from './run-report.ts';

export interface TrainOptions {
  /** Run folder. */
  readonly out: string;
  readonly resume: boolean;
  /** Ends the run after the step under way, with a checkpoint. */
  readonly signal: AbortSignal;
  /** Port of 127.0.0.1 for a page about the run while it goes on; 0 is any free one. Default: no page. */
  readonly livePort?: number;
}

/** Carries a configuration out, and writes its report. */
export async function train(config: RunConfig, { out, resume, signal, livePort }: TrainOptions): Promise<void> {
  const heads = headConfigs(config, out).map((head) => ({ name: headNames[head.config.head.kind], out: head.out }));
  const live =
    livePort === undefined
      ? undefined
      : await startLive({ title: config.recipe, port: livePort, steps: config.steps, heads });
  if (live) console.log(`live: ${live.url}`);
  const { report } = runFolder(out);
  let ending = 'stopped by an error: see the terminal';
  try {
    const finished = await runRecipe(config, {
      ...{ out, resume, signal, say: console.log },
      loggers: () => [consoleLogger()],
      onStep: (step) => live?.offer(() => makeSnapshot(step)),
    });
    if (finished) {
      await writeFileAtomic(report, await renderReport(await makeReport(finished)));
      console.log(`report: ${report}`);
    } else {
      console.log(`stopped with a checkpoint; go on with: npm run train -- ${config.recipe} --out ${out} --resume`);
      process.exitCode = 130;
    }
    ending = existsSync(report) ? `finished: ${report}` : 'stopped with a checkpoint';
  } finally {
    await live?.close(ending);
  }
}
