import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { datasetFormats } from '@protomem/data';
import { run, start } from '../../fixtures/command.ts';
import {
  command,
  difference,
  disturbed,
  expect,
  halfRun,
  sameEnd,
  system,
  training,
  tree,
  type World,
} from './world.ts';

const pick = <T>({ random }: World, choices: readonly T[]): T => choices[random.below(choices.length)]!;
const signals = ['SIGKILL', 'SIGKILL', 'SIGTERM', 'SIGHUP', 'SIGINT'] as const;
const exitCodes: Readonly<Record<string, number>> = { SIGTERM: 143, SIGHUP: 129, SIGINT: 130 };
/** A moment of a work that takes so long, milliseconds; now and then after its end. */
const moment = ({ random }: World, duration: number): number => 1.1 * duration * random.uniform();

/** Resumes, or begins where nothing had begun, until the run has ended. */
async function finish(world: World, out: string): Promise<void> {
  const ended = await command(training(world, out, existsSync(join(out, 'config.json'))));
  expect(ended.code === 0, 'the run does not go on', ended);
  await sameEnd(world, out);
}

async function killTrain(world: World): Promise<void> {
  const out = world.fresh();
  for (let kills = 1 + world.random.below(3); kills > 0; kills--) {
    const signal = pick(world, signals);
    const args = training(world, out, existsSync(join(out, 'config.json')));
    const { code, text, met } = await disturbed(args, signal, moment(world, world.duration));
    if (!met) break;
    const expected = exitCodes[signal];
    if (expected !== undefined && code !== null) expect(code === expected, `${signal}: exit code ${code}`, { text });
  }
  await finish(world, out);
}

const wholes = new Map<string, { readonly tree: Map<string, Buffer>; readonly duration: number }>();

/** Work that writes `out`, killed, then done again: it is there whole or not at all, and nothing is left beside it. */
async function killWriter(world: World, name: string, args: (out: string) => string[], file = 'out'): Promise<void> {
  if (!wholes.has(name)) {
    const [out, begun] = [join(world.fresh(), file), performance.now()];
    await mkdir(dirname(out));
    const { code, text } = await command(args(out));
    expect(code === 0, name, { text });
    wholes.set(name, { tree: await entry(out), duration: performance.now() - begun });
  }
  const whole = wholes.get(name)!;
  const out = join(world.fresh(), file);
  await mkdir(dirname(out));
  await disturbed(args(out), pick(world, signals), moment(world, whole.duration));
  if (!existsSync(out)) {
    const { code, text } = await command(args(out));
    expect(code === 0, `${name} does not start again`, { text });
  }
  const other = difference(await entry(out), whole.tree);
  expect(other === undefined, `${name}: ${other} differs from undisturbed work`);
  const beside = (await readdir(dirname(out))).filter((file) => !file.startsWith('out'));
  expect(beside.length === 0, `${name}: left beside it: ${beside.join(', ')}`);
}

/** A folder's files, or the files whose names begin alike. */
async function entry(out: string): Promise<Map<string, Buffer>> {
  return tree(dirname(out));
}

const killConvert = (world: World): Promise<void> => {
  const format = pick(world, Object.keys(datasetFormats));
  return killWriter(world, `convert to ${format}`, (out) => ['convert', world.faces, out, '--format', format]);
};

const killExport = (world: World): Promise<void> => {
  const to = pick(world, ['onnx', 'tfjs', 'safetensors']);
  const file = to === 'tfjs' ? 'out' : `out.${to}`;
  return killWriter(world, `export to ${to}`, (out) => ['export', world.whole, '--to', to, '--out', out], file);
};

async function killAlign(world: World): Promise<void> {
  const aligning = (out: string): string[] => ['align', world.photos, out, '--landmarks', world.landmarks];
  if (!wholes.has('align')) {
    const [out, begun] = [world.fresh(), performance.now()];
    expect((await command(aligning(out))).code === 0, 'align');
    wholes.set('align', { tree: await tree(out), duration: performance.now() - begun });
  }
  const whole = wholes.get('align')!;
  const out = world.fresh();
  await disturbed(aligning(out), pick(world, signals), moment(world, whole.duration));
  const again = await command(existsSync(out) ? [...aligning(out), '--resume'] : aligning(out));
  expect(again.code === 0, 'align does not go on', again);
  const images = (files: Map<string, Buffer>) => new Map([...files].filter(([name]) => /\.(jpg|tmp)$/.test(name)));
  const other = difference(images(await tree(out)), images(whole.tree));
  expect(other === undefined, `align: ${other} differs from undisturbed work`);
}

/** One bit of one file of a run. What is read from it is refused, or falls back, or is right. */
async function flipBit(world: World): Promise<void> {
  const finished = world.random.uniform() < 0.5;
  const out = finished ? world.fresh() : await halfRun(world);
  if (finished) await cp(world.whole, out, { recursive: true });
  const path = join(out, pick(world, [...(await tree(out)).keys()]));
  const bytes = await readFile(path);
  const bit = world.random.below(8 * bytes.length);
  bytes[bit >> 3]! ^= 1 << (bit & 7);
  await writeFile(path, bytes);
  const what = `bit ${bit} of ${basename(path)}`;
  for (const args of [
    ['inspect', out],
    ['report', out],
    ['compare', out, world.whole, '--out', `${out}-comparison.html`],
  ])
    await command(args);
  const name = basename(path);
  if (name === 'encoder.safetensors') {
    const embedded = await command(['embed', out, world.faces, '--out', `${out}.npy`]);
    expect(embedded.code === 1, `${what}: embeds`, embedded);
  }
  if (finished) return;
  const resumed = await command(training(world, out, true));
  // A flipped bit in a configuration that is still one is another configuration.
  if (name === 'config.json' || resumed.code !== 0) {
    expect(resumed.code === 0 || resumed.code === 1, `${what}: exit code ${resumed.code}`, resumed);
  } else await sameEnd(world, out);
}

/** People renamed, exchanged, removed, added, or images of theirs. A resume on it is refused, and changes nothing. */
async function otherData(world: World): Promise<void> {
  const [out, copy] = [await halfRun(world), world.fresh()];
  await cp(world.faces, copy, { recursive: true });
  const people = await readdir(copy);
  const [one, other] = [pick(world, people), pick(world, people)].map((name) => join(copy, name)) as [string, string];
  const image = join(one, (await readdir(one))[0]!);
  const changes: Readonly<Record<string, () => Promise<void>>> = {
    renamed: () => rename(one, `${one}-renamed`),
    removed: () => rm(one, { recursive: true }),
    'without an image': () => unlink(image),
    'with an image more': () => cp(image, image.replace('.jpg', '-copy.jpg')),
    'a person more': () => cp(one, `${one}-twin`, { recursive: true }),
    'two exchanged, of other sizes': async () => {
      await cp(image, image.replace('.jpg', '-copy.jpg'));
      if (one === other) return;
      await rename(one, `${one}-aside`);
      await rename(other, one);
      await rename(`${one}-aside`, other);
    },
  };
  const how = pick(world, Object.keys(changes));
  await changes[how]!();
  const before = await tree(out);
  const refused = await command(training(world, out, true, '--data', copy));
  expect(refused.code === 1, `${how}: goes on`, refused);
  const changed = difference(before, await tree(out));
  expect(changed === undefined, `${how}: a refused resume changed ${changed}`);
  await finish(world, out);
}

/** A file system of its own for what `work` does; only for root. */
async function onDisk(world: World, size: string, work: (disk: string) => Promise<void>): Promise<void> {
  const disk = world.fresh();
  await mkdir(disk);
  await system('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', disk]);
  try {
    await work(disk);
  } finally {
    await system('umount', ['-l', disk]);
  }
}

const fullDisk = (world: World): Promise<void> =>
  onDisk(world, `${8 + world.random.below(1500)}k`, async (disk) => {
    const out = join(disk, 'run');
    const full = await command(training(world, out));
    if (full.code !== 0) expect(full.code === 1, `full disk: exit code ${full.code}`, full);
    await system('mount', ['-o', 'remount,size=64m', disk]);
    await finish(world, out);
  });

const readOnlyDisk = (world: World): Promise<void> =>
  onDisk(world, '64m', async (disk) => {
    const out = join(disk, 'run');
    const { ended } = start(training(world, out));
    await new Promise((resolve) => setTimeout(resolve, moment(world, world.duration)));
    await system('mount', ['-o', 'remount,ro', disk]).catch(() => undefined);
    const stopped = await ended;
    expect(stopped.code === 0 || stopped.code === 1, `read-only disk: exit code ${stopped.code}`, stopped);
    await system('mount', ['-o', 'remount,rw', disk]);
    if (stopped.code !== 0) await finish(world, out);
  });

/** The second is refused and names the first, which ends as if it had been alone. */
async function twoRuns(world: World): Promise<void> {
  const out = world.fresh();
  const first = start(training(world, out));
  let over = false;
  void first.ended.then(() => {
    over = true;
  });
  while (!existsSync(join(out, 'config.json')) && !over) await new Promise((resolve) => setTimeout(resolve, 20));
  const second = await run(...training(world, out, world.random.uniform() < 0.5));
  // It may have come when the first was at its end, and no longer at work in the folder.
  if (!over && !existsSync(join(out, 'metrics.json'))) {
    expect(second.code === 1, 'a second run in one folder', second);
    expect(second.text.includes(String(first.child.pid)), 'the first is not named', second);
  }
  const { code, text } = await first.ended;
  expect(code === 0, 'the first run', { text });
  await sameEnd(world, out);
}

/** Each throws `Broken` when what it tries does not hold. */
export const scenarios: Readonly<Record<string, (world: World) => Promise<void>>> = {
  'kill train': killTrain,
  'kill convert': killConvert,
  'kill align': killAlign,
  'kill export': killExport,
  'flip a bit': flipBit,
  'other data': otherData,
  'two runs, one folder': twoRuns,
  ...(process.getuid?.() === 0 && { 'full disk': fullDisk, 'read-only disk': readOnlyDisk }),
};
