// One run of a study, in a process of its own: trains a configuration, or goes on with it, and prints its figures.
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensors } from '@protomem/core/node';
import { openDataset } from '@protomem/data';
import { embedImages, openModel } from '@protomem/protocols';
import { type HeadResult, type RunConfig, runFolder, runRecipe } from '@protomem/recipes';
import { readRunLog } from '@protomem/training';
import { heldOutFigures } from './held-out.ts';

export interface StudyTask {
  readonly config: RunConfig;
  /** A data set of people who were not trained on: figures come from all pairs of its images, in the place of the run's own. */
  readonly heldOut?: string;
  /** The folder stays: its encoder is what other runs start from. */
  readonly keep?: boolean;
}

const [taskFile, out] = process.argv.slice(2) as [string, string];
const { config, heldOut } = JSON.parse(await readFile(taskFile, 'utf8')) as StudyTask;
const finished = await runRecipe(config, { out, resume: existsSync(runFolder(out).config) });
const { result } = finished!.results[0]!;
const figures = {
  ...(heldOut ? await onHeldOut(heldOut) : onPairs(result)),
  ...(await ofTraining(result)),
};
console.log(JSON.stringify({ engine: `${finished!.engine.engine} ${finished!.engine.version}`, figures }));

/** Of the pairs that the configuration names, as shares. */
function onPairs({ verification }: HeadResult): Record<string, number> {
  const tar = verification.tarAtFar.find(({ far }) => far === 1e-2)?.tar;
  return { accuracy: verification.accuracy, ...(tar != null && { 'tar-1e-2': tar }) };
}

async function onHeldOut(path: string): Promise<Record<string, number>> {
  const source = await openDataset(path);
  const model = await openModel(runFolder(out).encoder);
  const embeddings: Float32Array[] = [];
  const people: number[] = [];
  for await (const { values, labels } of embedImages(model, source, { flip: false, batch: 128 })) {
    embeddings.push(values);
    people.push(...labels);
  }
  await model.dispose();
  const all = new Float32Array(people.length * model.embeddingSize);
  let at = 0;
  for (const values of embeddings) {
    all.set(values, at);
    at += values.length;
  }
  return heldOutFigures(all, people);
}

/** Seconds of training, the hit rate of its last quarter, staleness, and the bytes of the head with what moves it. */
async function ofTraining({ seconds, memory }: HeadResult): Promise<Record<string, number>> {
  const folder = runFolder(out);
  const { steps } = await readRunLog(folder.log);
  const last = steps.slice(-Math.ceil(steps.length / 4)).flatMap(({ hitRate }) => hitRate ?? []);
  const curve = memory?.staleness ?? [];
  return {
    seconds,
    headMiB: (await headBytes(folder.checkpoints)) / 2 ** 20,
    ...(last.length > 0 && { 'hit-rate': last.reduce((a, b) => a + b, 0) / last.length }),
    ...(curve.length > 0 && { 'cosine-youngest': curve[0]!.meanCosine, 'cosine-oldest': curve.at(-1)!.meanCosine }),
  };
}

async function headBytes(checkpoints: string): Promise<number> {
  const newest = readdirSync(checkpoints)
    .filter((name) => name.endsWith('.safetensors'))
    .sort()
    .at(-1)!;
  const { tensors } = await readSafetensors(join(checkpoints, newest));
  const ofHead = Object.entries(tensors).filter(([name]) => /^head\/|\/head\./.test(name));
  return ofHead.reduce((sum, [, { data }]) => sum + data.byteLength, 0);
}
