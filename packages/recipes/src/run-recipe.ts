import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { check, type ImageSource, ProtomemError, parseJson, remarkLines } from '@protomem/core';
import { checkNotHeld, inFolder, refuseHeld, sweepTemporary, withLock } from '@protomem/core/node';
import { type Cluster, collective, type EngineInfo, freeMemory, gatherJson, loadEngine } from '@protomem/engine';
import { checkSameRecipe, knownIdentities, type Logger, type Recipe } from '@protomem/training';
import { checkSameCode } from './check-code.ts';
import { checkAmongRanks } from './check-together.ts';
import { inSteps, makeSampler, openData, trainedOn } from './compose.ts';
import { parseConfig, patchConfig, settled, withPlanOf } from './config.ts';
import { outcome, summary } from './outcome.ts';
import type { OwnParts } from './own-parts.ts';
import { loadPairs, type PairSet } from './pairs.ts';
import { factsOf, fillIn, type Plan, planOf } from './plan.ts';
import { type HeadResult, readHeadResult } from './results.ts';
import { checkConfig, movedFiles } from './resume-rules.ts';
import { runFolder, writeJson } from './run-folder.ts';
import type { RunConfig, RunDraft } from './run-schema.ts';
import { type HeadStep, trainHead } from './train-head.ts';

export interface RunOptions {
  /** Run folder. */
  readonly out: string;
  /** Goes on from the newest checkpoint in `out`. Default false: `out` has to be new. */
  readonly resume?: boolean;
  /** Ends the run after the step under way, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Told in a line what goes on. Default: nobody. */
  readonly say?: (text: string) => void;
  /** The processes that carry it out together, each with the same configuration and folder; see `clusterFromEnvironment`. */
  readonly cluster?: Cluster;
  /** What the configuration names as its user's own. */
  readonly parts?: OwnParts;
  /** Loggers for each head, beside `log.jsonl` and TensorBoard's events in the run folder. */
  readonly loggers?: () => readonly Logger[];
  /** Called with the configuration as it is carried out, before the first step. */
  readonly onBegin?: (config: RunConfig) => void | Promise<void>;
  readonly onStep?: (step: HeadStep) => void;
}

/** A finished run: what its `metrics.json` holds, and the parts that a report needs. */
export interface FinishedRun {
  readonly config: RunConfig;
  readonly engine: EngineInfo;
  readonly source: ImageSource;
  readonly pairs: PairSet;
  readonly plan: Plan;
  /** Of the run's own head, then of its baselines. */
  readonly results: readonly { readonly result: HeadResult; readonly out: string }[];
  /** Wall time of this call, seconds. */
  readonly seconds: number;
}

/**
 * Carries a configuration out: trains its head, then each baseline, and evaluates them. The run folder gets the
 * configuration, logs, checkpoints, encoders and results. One process works in it at a time.
 *
 * Of several processes, that of rank 0 has the folder, and evaluates; the others read its checkpoints.
 *
 * @returns the results; undefined when `signal` ended the run early, and for ranks other than 0
 * @throws ProtomemError when `out` holds a run already or another process works in it, or a part refuses its options or its data
 *
 * @example
 * ```ts
 * const config = resolveRecipe('demo');
 * const finished = await runRecipe(config, { out: 'runs/mine', say: console.log });
 * console.log(finished?.results[0]?.result.verification.accuracy);
 * ```
 */
export async function runRecipe(given: RunDraft, options: RunOptions): Promise<FinishedRun | undefined> {
  const { out, resume = false, cluster } = options;
  if (cluster && cluster.rank > 0) return runAlone(given, options);
  const { lock } = runFolder(out);
  await checkNotHeld(lock, 'train', out);
  claimFolder(out, resume);
  return inFolder('train', out, () =>
    withLock(lock, refuseHeld('train', out), async () => {
      // Another process may have been here before the lock was.
      claimFolder(out, resume);
      await sweepTemporary(out, { recursive: true });
      return await runAlone(given, options);
    }),
  );
}

async function runAlone(given: RunDraft, options: RunOptions): Promise<FinishedRun | undefined> {
  const { out, resume = false, parts = {}, loggers, onBegin, onStep } = options;
  const { signal = new AbortController().signal, say = () => undefined } = options;
  const begun = performance.now();
  const folder = runFolder(out);
  const engine = await loadEngine({
    prefer: given.engine.prefer,
    threads: given.engine.threads || undefined,
    precision: given.engine.precision,
    cluster: options.cluster,
  });
  const ranks = collective();
  checkAmongRanks('train', given, ranks.size);
  checkSameCode('train', ranks, engine);
  checkSameRecipe('train', ranks, given as unknown as Recipe);
  say(`engine: ${engine.engine} (${engine.version}), ${engine.device}, ${engine.threads} threads, ${engine.precision}`);
  for (const { engine: name, reason } of engine.rejected) say(`engine not used: ${name}: ${reason}`);
  if (ranks.size > 1)
    say(`ranks: ${ranks.size}, of which this is ${ranks.rank}, at ${options.cluster!.addresses[ranks.rank]}`);
  const notes: string[] = [];
  const all = await openData(given, parts);
  const source = await trainedOn(given, all, (note) => notes.push(note));
  const facts = factsOf(source);
  const saved = resume ? await savedConfig(folder.config) : undefined;
  // What rank 0 plans, with the memory of its machine, holds for all.
  const draft = saved ? withPlanOf(saved, given) : given;
  const counted = gatherJson(ranks, fillIn(draft, facts, freeMemory()))[0]!;
  const config =
    counted.epochs === null ? counted : inSteps(counted, draft, makeSampler(counted, source).batchesPerEpoch);
  const changes = saved ? checkConfig(`the configuration of ${out}`, saved, config) : [];
  const identities = knownIdentities(source, folder.identities);
  if (resume) await identities.checkKept();
  say(`data: ${source.identities.toLocaleString('en')} identities from ${source.name}`);
  for (const line of remarkLines(source.remarks)) say(line);
  const plan = planOf(config, facts, source);
  for (const sentence of plan.sentences) say(`plan: ${sentence}`);
  if (plan.warning) say(`warning: ${plan.warning}`);
  let warned = plan.warning !== undefined;
  const loaded = await loadPairs(config, all);
  const pairs = { ...loaded, protocol: [loaded.protocol, ...notes].join('; ') };
  say(`test: ${loaded.protocol}`);
  for (const note of notes) say(note);
  const heads = await Promise.all(
    headConfigs(config, out).map(async (head) => ({ ...head, done: resume ? await finished(head) : undefined })),
  );
  const changed = changes.map(({ key }) => key.replace('config.', '')).filter((key) => !movedFiles.includes(key));
  if (saved && !isDeepStrictEqual(testOf(saved), testOf(config))) changed.push('evaluation.pairs');
  checkFinished(out, changed, heads.find(({ done }) => done)?.done);
  // Nothing is left behind by what is refused, and the configuration only gives way to one that was accepted.
  let accepted = false;
  const onAccepted = async (): Promise<void> => {
    if (accepted) return;
    accepted = true;
    if (ranks.rank > 0) return;
    await onBegin?.(config);
    await mkdir(out, { recursive: true });
    await writeJson(folder.config, config);
  };

  /** Whatever comes later, of whichever head: a run warns once. */
  const onLowHitRate = (sentence: string, tell: (text: string) => void): void => {
    if (!warned) tell(`warning: ${sentence}`);
    warned = true;
  };

  if (Array.isArray(parts.loggers) && parts.loggers.length > 0 && heads.length > 1) {
    say(`loggers of your own: of ${config.head.kind} alone; a function of a head's name makes some for each`);
  }
  // One object for all heads, each of which begins with it as it is now.
  const lossState = parts.loss?.state?.();
  const results: { result: HeadResult; out: string }[] = [];
  for (const [position, { done, ...head }] of heads.entries()) {
    if (done) say(`${done.name}: finished before`);
    else say(`training: ${head.config.head.kind}, ${config.steps} steps`);
    if (lossState) parts.loss!.restore!(lossState);
    const shared = { source, identities, pairs, resume, signal, position, parts, loggers, onAccepted, onStep, facts };
    const result = done || (await trainHead({ ...head, ...shared, onLowHitRate }));
    if (result === 'stopped') return undefined;
    if (!result) continue;
    for (const line of [summary(result), ...outcome(result)]) say(line);
    results.push({ result, out: head.out });
  }

  ranks.close();
  if (ranks.rank > 0) return undefined;
  const seconds = (performance.now() - begun) / 1000;
  await writeJson(folder.metrics, { engine, config, seconds, plan, heads: results.map(({ result }) => result) });
  return { config, engine, source, pairs, plan, results, seconds };
}

/** One configuration for each head: the run's own, then its baselines in folders below. */
export function headConfigs(config: RunConfig, out: string): { readonly config: RunConfig; readonly out: string }[] {
  // Each as it is known: the batch's share of the loss is the memory's.
  const plain = 'batchShare' in config.head ? { ...config, head: { ...config.head, batchShare: 0 } } : config;
  const compared = config.baselines.map((kind) => ({
    config: settled(patchConfig(plain, [`head.kind=${kind}`])),
    out: join(out, kind),
  }));
  return [{ config, out }, ...compared];
}

/** Saved results are not trained over: a folder with a run in it is taken only to go on. */
function claimFolder(out: string, resume: boolean): void {
  const { config, report } = runFolder(out);
  if (resume || !existsSync(config)) return;
  throw new ProtomemError({
    where: 'train',
    what: '--out',
    got: out,
    expected: 'a new folder',
    fix: existsSync(report)
      ? 'It holds a finished run: name another folder.'
      : 'It holds a run: go on with --resume, or name another folder.',
  });
}

/** The configuration that a run has been going by; undefined when it never came to have one. */
async function savedConfig(path: string): Promise<RunDraft | undefined> {
  return existsSync(path)
    ? parseConfig(parseJson(await readFile(path, 'utf8'), { where: path, what: 'its text' }), path)
    : undefined;
}

/** A head's result, unless it has more steps to go. */
async function finished({ config, out }: { readonly config: RunConfig; readonly out: string }) {
  const { result } = runFolder(out);
  if (!existsSync(result)) return undefined;
  const found = readHeadResult(parseJson(await readFile(result, 'utf8'), { where: result, what: 'its text' }), result);
  return found.steps < config.steps ? undefined : found;
}

/** What a run is tested on, wherever its files lie. */
function testOf({ evaluation: { pairs } }: RunDraft): object {
  return 'file' in pairs ? { ...pairs, file: basename(pairs.file), dir: undefined } : pairs;
}

/** All heads of a run stand for one configuration: none that is finished stays behind with another. */
function checkFinished(out: string, changed: readonly string[], done: HeadResult | undefined): void {
  check(!done || changed.length === 0, () => ({
    where: 'resume',
    what: `a change of ${changed.join(', ')} in ${out}`,
    got: `too late: ${done!.name} is finished without it`,
    expected: 'heads with steps to go',
    fix: 'Add more steps for all of them, --set steps=N, or start a new run.',
  }));
}
