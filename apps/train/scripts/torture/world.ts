import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { arcFaceTemplate } from '@protomem/alignment';
import type { Random } from '@protomem/core';
import sharp from 'sharp';
import { type Ended, start } from '../../fixtures/command.ts';
import { drawPeople } from '../../fixtures/twelve-people.ts';

/** A small run over a folder of people, whose encoder every run that was disturbed has to arrive at. */
export interface World {
  readonly dir: string;
  readonly faces: string;
  readonly photos: string;
  readonly landmarks: string;
  /** The undisturbed run, finished. */
  readonly whole: string;
  /** The same one, stopped half way with a checkpoint. */
  readonly half: string;
  /** Milliseconds of the undisturbed run, start-up included. */
  readonly duration: number;
  readonly random: Random;
  /** A folder that is not there yet. */
  fresh(): string;
}

/** What is wrong; thrown by a scenario. */
export class Broken extends Error {}

export function expect(holds: boolean, what: string, { text }: Partial<Ended> = {}): void {
  if (!holds) throw new Broken(text === undefined ? what : `${what}\n${text.trim().split('\n').slice(-12).join('\n')}`);
}

const steps = 12;

/** Options of the run: an encoder of 16 numbers, 12 steps, a checkpoint after each second one. */
const config = (faces: string) => ({
  recipe: 'torture',
  steps,
  data: { kind: 'dataset', path: faces },
  sampler: { order: { kind: 'groups', groupSize: 8 }, classes: 4, images: 2 },
  encoder: { name: 'mobile-face-net', inputSize: 32, embeddingSize: 16, width: 0.25 },
  head: { size: 8 },
  schedule: { warmup: 2 },
  loader: { workers: 1 },
  engine: { threads: 1 },
  log: { tensorboard: false },
  checkpoint: { every: 2 },
  evaluation: { every: 6, pairs: { kind: 'synthetic', identities: 12, count: 20 } },
});

/** `train` of a run in `out`, from its file or, where it began, from its folder. */
export const training = (world: Pick<World, 'dir'>, out: string, resume = false, ...more: string[]): string[] => [
  'train',
  ...(resume ? ['--resume'] : [join(world.dir, 'run.json')]),
  ...['--out', out, ...more],
];

/** A stack of Node's reached the user. */
const rawStack = /^\s+at .*(\(|file:|node:|\/).*:\d+:\d+\)?$/m;

/** Runs a command to its end. No command may show a stack, whatever becomes of it. */
export async function command(args: readonly string[]): Promise<Ended> {
  const ended = await start(args).ended;
  expect(!rawStack.test(ended.text), `a raw stack from: ${args.join(' ')}`, ended);
  return ended;
}

/** Runs a command and sends it a signal at some moment; it may end before. */
export async function disturbed(
  args: readonly string[],
  signal: NodeJS.Signals,
  after: number,
): Promise<Ended & { readonly met: boolean }> {
  const { child, ended } = start(args);
  const timer = setTimeout(() => child.kill(signal), after);
  const result = await ended;
  clearTimeout(timer);
  expect(!rawStack.test(result.text), `a raw stack after ${signal}`, result);
  return { ...result, met: child.signalCode !== null || result.code !== 0 };
}

/** All files below a folder, by path. */
export async function tree(folder: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(files.sort().map(async (path) => [relative(folder, path), await readFile(path)] as const)),
  );
}

/** The first path that differs. */
export function difference(a: ReadonlyMap<string, Buffer>, b: ReadonlyMap<string, Buffer>): string | undefined {
  return [...new Set([...a.keys(), ...b.keys()])].find((path) => !a.get(path)?.equals(b.get(path) ?? Buffer.of()));
}

/** The run in `out` ended as the undisturbed one, and left nothing beside what it leaves. */
export async function sameEnd(world: World, out: string): Promise<void> {
  const read = (folder: string) => readFile(join(folder, 'encoder.safetensors'));
  expect((await read(out)).equals(await read(world.whole)), `${out}: another encoder than the undisturbed run's`);
  const left = (await readdir(out, { recursive: true })).filter((name) => /\.tmp$|\.lock$/.test(name));
  expect(left.length === 0, `${out}: left over: ${left.join(', ')}`);
}

export async function makeWorld(dir: string, random: Random): Promise<World> {
  const [faces, photos, landmarks] = [join(dir, 'faces'), join(dir, 'photos'), join(dir, 'landmarks.tsv')];
  await mkdir(dir, { recursive: true });
  await drawPeople(dir);
  await mkdir(join(photos, 'Ada'), { recursive: true });
  const points = arcFaceTemplate().flat().join('\t');
  const names = Array.from({ length: 24 }, (_, i) => `Ada/${i}.png`);
  for (const [i, name] of names.entries()) {
    const background = { r: 10 * i, g: 128, b: 64 };
    await sharp({ create: { width: 112, height: 112, channels: 3, background } })
      .png()
      .toFile(join(photos, name));
  }
  await writeFile(landmarks, names.map((name) => `${name}\t${points}\n`).join(''));
  await writeFile(join(dir, 'run.json'), JSON.stringify(config(faces)));

  const [whole, half] = [join(dir, 'whole'), join(dir, 'half')];
  const begun = performance.now();
  const ended = await command(training({ dir }, whole));
  expect(ended.code === 0, 'the undisturbed run', ended);
  const duration = performance.now() - begun;
  // As it was after six steps: newer checkpoints and results taken away.
  const stopped = await command(training({ dir }, half, false, '--set', 'checkpoint.keep=100'));
  expect(stopped.code === 0, 'the run to stop half way', stopped);
  for (const name of await readdir(join(half, 'checkpoints'))) {
    if (Number(/\d+/.exec(name)![0]) > steps / 2) await rm(join(half, 'checkpoints', name));
  }
  for (const name of ['encoder.safetensors', 'result.json', 'metrics.json', 'report.html']) await rm(join(half, name));
  let count = 0;
  return { dir, faces, photos, landmarks, whole, half, duration, random, fresh: () => join(dir, `try-${++count}`) };
}

/** A copy of the run that stopped half way. */
export async function halfRun(world: World): Promise<string> {
  const out = world.fresh();
  await cp(world.half, out, { recursive: true });
  return out;
}

/** Runs a program of the system. */
export const system = promisify(execFile);
