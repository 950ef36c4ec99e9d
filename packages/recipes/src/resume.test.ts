import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { adaFace } from '@protomem/losses';
import { syntheticFaces } from '@protomem/synthetic';
import { listCheckpoints, readCheckpoint, readRunLog } from '@protomem/training';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openData } from './compose.ts';
import { patchConfig } from './config.ts';
import { heldOut, heldOutPairs } from './held-out.ts';
import { resolveRecipe } from './recipes/index.ts';
import { readRunConfig } from './run-folder.ts';
import { runRecipe } from './run-recipe.ts';
import type { RunDraft } from './run-schema.ts';

let folder: string;
let faces: string;
let out: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'protomem-resume-'));
  [faces, out] = [join(folder, 'faces'), join(folder, 'run')];
  const source = syntheticFaces({ identities: 8, imagesPerIdentity: 3, seed: 1, size: 16 });
  for (let identity = 0; identity < 8; identity++) {
    const person = join(faces, `p${identity}`);
    await mkdir(person, { recursive: true });
    for (let image = 0; image < 3; image++) {
      const { bytes } = await source.load(identity, image);
      await writeFile(join(person, `p${identity}_000${image + 1}.jpg`), await sharp(bytes).flatten().jpeg().toBuffer());
    }
  }
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

const config = (...more: string[]) =>
  patchConfig(resolveRecipe('demo', {}), [
    ...['steps=6', 'schedule.warmup=1', 'checkpoint.every=2', 'baselines=[]', 'log.tensorboard=false'],
    ...['encoder.name=mobile-face-net', 'encoder.width=0.125', 'encoder.inputSize=16', 'encoder.embeddingSize=8'],
    ...['head.size=8', 'sampler.kind=classes-by-images', 'sampler.classes=3', 'sampler.images=2', 'loader.prefetch=0'],
    ...['loader.workers=0', 'evaluation.pairs.identities=4', 'evaluation.pairs.count=10'],
    `data=${JSON.stringify({ kind: 'dataset', path: faces })}`,
    ...more,
  ]);

/** Trains until `end` steps are done; undefined when that was not the end of the run. */
async function train(run: string, given: ReturnType<typeof config>, end = Number.POSITIVE_INFINITY, resume = false) {
  const controller = new AbortController();
  const said: string[] = [];
  const finished = await runRecipe(given, {
    ...{ out: run, resume, signal: controller.signal, say: (text: string) => said.push(text) },
    loggers: () => [{ log: () => undefined, message: (text: string) => said.push(text), close: () => undefined }],
    onStep: ({ step }) => step >= end && controller.abort(),
  });
  return { finished, said };
}

const resume = async (run: string, set: readonly string[], end?: number) =>
  train(run, await readRunConfig(run, undefined, { set }), end, true);

/** Every byte below a folder. */
async function contents(path: string): Promise<Record<string, string>> {
  const files = await readdir(path, { recursive: true, withFileTypes: true });
  const paths = files.filter((file) => file.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const bytes = await Promise.all(paths.map(async (file) => (await readFile(file)).toString('base64')));
  return Object.fromEntries(paths.map((file, i) => [relative(path, file), bytes[i]!]));
}

const copyOf = async (from: string, name: string): Promise<string> => {
  await cp(from, join(folder, name), { recursive: true });
  return join(folder, name);
};

it('leaves no folder of a run that its caller refuses', async () => {
  const run = join(folder, 'refused');
  const onBegin = () => Promise.reject(new Error('the port is taken'));
  await expect(runRecipe(config(), { out: run, say: () => undefined, onBegin })).rejects.toThrow('the port is taken');
  await expect(readdir(run)).rejects.toThrow('ENOENT');
}, 60_000);

describe('a run that goes on', () => {
  beforeAll(async () => {
    expect((await train(out, config(), 3)).finished).toBeUndefined();
  }, 120_000);

  it('refuses other people and other options, and then every byte is as it was', async () => {
    const before = await contents(out);
    expect(Object.keys(before)).toContain('identities.jsonl.gz');
    const refused = async (reason: string, ...set: string[]): Promise<void> => {
      await expect(resume(out, set)).rejects.toThrow(reason);
      expect(await contents(out)).toEqual(before);
    };
    const other = async (name: string, change: (dir: string) => Promise<void>): Promise<string> => {
      const dir = await copyOf(faces, name);
      await change(dir);
      return `data.path=${dir}`;
    };
    await refused(
      'identity 3: the checkpoint has p3 (3 images), the data p4 (3).',
      await other('renamed', (dir) => rename(join(dir, 'p3'), join(dir, 'p9z'))),
    );
    await refused(
      'identity 6: the checkpoint has p6 (3 images), the data p6 (2).',
      await other('fewer', (dir) => rm(join(dir, 'p6/p6_0002.jpg'))),
    );
    await refused('config.head.size: saved 8, now 9', 'head.size=9');
    await refused('config.seed: saved 0, now 1', 'seed=1');
    await refused('config.steps: saved 6, now 5', 'steps=5', 'schedule.warmup=0');
    await refused('config.head.loss.name: saved "cos-face", now "arc-face"', 'head.loss.name=arc-face');

    // The checkpoint has the last word: the list may be gone, and config.json be of another hand.
    const bare = await copyOf(out, 'bare');
    await rm(join(bare, 'identities.jsonl.gz'));
    const [newest, older] = await listCheckpoints(join(bare, 'checkpoints'));
    const bytes = await readFile(newest!);
    await writeFile(newest!, bytes.fill(7, bytes.length - 9));
    const left = await contents(bare);
    await expect(resume(bare, [`data.path=${join(folder, 'renamed')}`])).rejects.toThrow(
      /of the checkpoint at step 2\. Where they differ cannot be told: .* is missing or damaged\. Resume with/,
    );
    expect(await contents(bare)).toEqual(left);
    const { said } = await resume(bare, [], 4);
    expect(said.join('\n')).toMatch(/checkpoint-00000003\.safetensors: the checksum of tensor .* is/);
    expect(said.join('\n')).toContain(`.damaged: the run goes on from ${relative(join(bare, 'checkpoints'), older!)}.`);
  }, 120_000);

  it('goes on with the same people elsewhere, and with what may change, which is noted', async () => {
    const moved = await copyOf(out, 'moved');
    const dir = await copyOf(faces, 'elsewhere');
    const set = ['schedule.base=0.01', 'optimizer.clipNorm=1', 'head.loss.margin=0.3', 'sampler.classes=4', 'steps=8'];
    const { finished, said } = await resume(moved, [`data.path=${dir}`, ...set]);
    expect(finished?.results[0]?.result.steps).toBe(8);
    const changes = [
      'config.head.loss.margin: saved 0.35, now 0.3',
      'config.optimizer.clipNorm: saved 5, now 1',
      'config.sampler.classes: saved 3, now 4',
      'config.schedule.base: saved 0.1, now 0.01',
      'config.steps: saved 6, now 8',
    ];
    for (const change of changes) expect(said.join('\n')).toContain(change);
    const log = await readRunLog(join(moved, 'log.jsonl'));
    expect(log.changes).toContainEqual({ step: 3, key: 'config.schedule.base', saved: 0.1, now: 0.01 });
    expect(log.changes?.map(({ key }) => key)).toEqual(['batchSize', ...changes.map((text) => text.split(':')[0])]);
    expect(log.steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const written = JSON.parse(await readFile(join(moved, 'config.json'), 'utf8'));
    expect(written).toMatchObject({ steps: 8, schedule: { base: 0.01 }, data: { path: dir } });

    const before = await contents(moved);
    await expect(resume(moved, ['schedule.base=0.02'])).rejects.toThrow('a change of schedule.base in');
    expect(await contents(moved)).toEqual(before);
    expect((await resume(moved, ['steps=9'])).finished?.results[0]?.result.steps).toBe(9);
  }, 120_000);

  it('gives no head that is finished another configuration, nor another test', async () => {
    const done = join(folder, 'done');
    expect((await train(done, config('steps=3'))).finished).toBeDefined();
    const before = await contents(done);
    const [test, other] = ['evaluation.pairs.count=12', 'baselines=["batch-only"]'];
    await expect(resume(done, [test])).rejects.toThrow('a change of evaluation.pairs in');
    await expect(resume(done, [other, 'schedule.base=0.01'])).rejects.toThrow('too late: prototype-memory is finished');
    expect(await contents(done)).toEqual(before);
    const { finished } = await resume(done, [test, 'steps=6', 'sampler.classes=4']);
    const [{ result } = { result: undefined }] = finished!.results;
    expect(result?.verification.positives).toBe(12);
    expect(result!.imagesPerSecond * result!.seconds).toBeCloseTo(3 * 3 * 2 + 3 * 4 * 2, 6);
    expect((await resume(done, [other])).finished?.results).toHaveLength(2);
  }, 120_000);

  it('goes on when the encoder that it began from has moved', async () => {
    const [first, moved] = [join(out, '../first.safetensors'), join(out, '../moved.safetensors')];
    await cp(join(folder, 'done', 'encoder.safetensors'), first);
    const tuned = join(folder, 'tuned');
    await train(tuned, config(`encoder.init=${first}`), 3);
    await rename(first, moved);
    await expect(resume(tuned, [])).rejects.toThrow('first.safetensors: the file is "missing"');
    const { finished, said } = await resume(tuned, [`encoder.init=${moved}`]);
    expect(finished).toBeDefined();
    expect(said.join('\n')).toContain('config.encoder.init: saved');
    // Again, when a baseline is still to come.
    await rename(moved, first);
    const more = await resume(tuned, [`encoder.init=${first}`, 'baselines=["batch-only"]']);
    expect(more.finished?.results).toHaveLength(2);
  }, 120_000);

  it("begins each head with a loss of one's own as it was, and gives each its own loggers", async () => {
    const [losses, logs] = [join(folder, 'losses'), new Map<string, number[]>()];
    const draft = (...more: string[]) => config('head.batchShare=0', 'head.loss={"name":"own","own":"mine"}', ...more);
    const run = (given: RunDraft, resume: boolean) => {
      const loggers = (head: string) => {
        logs.set(head, []);
        return [{ log: () => logs.get(head)!.push(1), close: () => undefined }];
      };
      return runRecipe(given, { out: losses, resume, parts: { loss: adaFace({ momentum: 0.5 }), loggers } });
    };
    const both = draft('baselines=["batch-only"]', 'steps=3');
    await run(both, false);
    expect([...logs].map(([head, lines]) => [head, lines.length])).toEqual([
      ['prototype-memory', 4],
      ['batch-only', 4],
    ]);
    const log = join(losses, 'batch-only');
    const { steps } = await readRunLog(join(log, 'log.jsonl'));
    // In a process of its own, so to speak.
    await rm(log, { recursive: true });
    await run(both, true);
    const lossesOf = (those: typeof steps) => those.map(({ loss }) => loss);
    expect(lossesOf((await readRunLog(join(log, 'log.jsonl'))).steps)).toEqual(lossesOf(steps));
  }, 120_000);

  it.each([
    ['makes stale prototypes anew', 'head.reencode={"every":2,"classes":4,"images":2}', 3],
    ['makes prototypes by a momentum encoder', 'head.momentum=0.9', 0],
    ['has a softmax over the batch beside it', 'head={"batchShare":0.5,"loss":{"name":"ada-face"}}', 0],
  ])(
    '%s as one that was never interrupted',
    async (name, patch, times) => {
      const set = [patch, 'checkpoint.every=3'];
      const [whole, parted] = [join(folder, `whole, ${name}`), join(folder, `parted, ${name}`)];
      await train(whole, config(...set));
      await train(parted, config(...set), 3);
      await train(parted, config(...set), undefined, true);
      const [a, b] = [await contents(whole), await contents(parted)];
      expect(b['encoder.safetensors']).toBe(a['encoder.safetensors']);
      const newest = join('checkpoints', 'checkpoint-00000006.safetensors');
      const prototypes = async (run: string) => (await readCheckpoint(join(run, newest))).parts.head!.tensors;
      expect(await prototypes(parted)).toEqual(await prototypes(whole));
      const log = await readFile(join(parted, 'log.jsonl'), 'utf8');
      expect(log.split('\n').filter((line) => line.includes('"reencode/classes"')).length).toBe(times);
    },
    120_000,
  );

  it('that diverged can do what its error says: go on with a lower rate', async () => {
    const wild = join(folder, 'wild');
    // Weights that overflow: the loss of the step after is not finite.
    await train(wild, config('steps=5', 'checkpoint.every=2'), 2);
    await expect(resume(wild, ['schedule.base=1e30', 'schedule.warmup=0'])).rejects.toThrow(
      /ower (the learning )?rate/,
    );
    const { finished } = await resume(wild, ['schedule.base=0.001', 'optimizer.clipNorm=0.5']);
    expect(finished?.results[0]?.result.steps).toBe(5);
  }, 120_000);

  it('takes a batch of another size only where the sampler can', async () => {
    const weighted = join(folder, 'weighted');
    await train(weighted, config('sampler.kind=weighted'), 2);
    const before = await contents(weighted);
    await expect(resume(weighted, ['sampler.classes=4'])).rejects.toThrow('classes of the saved state is 3');
    expect(await contents(weighted)).toEqual(before);
  }, 120_000);

  it('from a checkpoint of an earlier release says what it cannot check', async () => {
    const old = await copyOf(out, 'old');
    await rm(join(old, 'identities.jsonl.gz'));
    const { readCheckpoint, writeCheckpoint } = await import('@protomem/training');
    for (const path of await listCheckpoints(join(old, 'checkpoints'))) {
      const { identities, ...checkpoint } = await readCheckpoint(path);
      expect(identities).toMatchObject({ identities: 8, images: 24 });
      const { imagesDone, ...values } = checkpoint.parts.trainer!.values;
      expect(imagesDone).toBe(checkpoint.step * 6);
      const trainer = { ...checkpoint.parts.trainer!, values };
      await writeCheckpoint(join(old, 'checkpoints'), { ...checkpoint, parts: { ...checkpoint.parts, trainer } });
    }
    const { finished, said } = await resume(old, []);
    const { result } = finished!.results[0]!;
    expect(result.imagesPerSecond * result.seconds).toBeCloseTo(6 * 6, 6);
    expect(said.filter((line) => line.includes('whom it was trained on'))).toHaveLength(1);
  }, 120_000);
});

describe('a run that leaves numbers to a plan', () => {
  const open = [
    ...['steps=null', 'schedule.warmup=null', 'evaluation.every=null', 'head.size=null', 'sampler.classes=null'],
    ...['sampler.images=null', 'sampler.order=groups', 'sampler.order.rounds=null', 'sampler.order.groupSize=null'],
    ...['evaluation.pairs.kind=held-out'],
  ];

  it('goes on with the numbers that it was begun with, and says in its results what was planned', async () => {
    const run = join(folder, 'planned');
    const draft = config(...open);
    expect(draft).toMatchObject({ steps: null, head: { size: null }, sampler: { classes: null } });
    const { said } = await train(run, draft, 3);
    const sentence =
      '4 identities, 4 slots (0.1 KiB), one group: 93 % of classes will be found in memory; a softmax over all would hold 0.4 KiB (with gradient and momentum)';
    expect(said).toContain(`plan: ${sentence}`);
    expect(said).toContain('4 people are kept out of training to be tested');
    expect(said).toContain('test: 6 + 6 pairs of 4 people kept out of training');
    const numbers = { steps: 15, head: { size: 4 }, sampler: { classes: 4, images: 2 }, schedule: { warmup: 2 } };
    const saved = async () => JSON.parse(await readFile(join(run, 'config.json'), 'utf8'));
    expect(await saved()).toMatchObject(numbers);

    // Another plan would need other steps: the run's own go on, unless others are said.
    const { finished } = await train(run, patchConfig(draft, ['plan.memory=1', 'sampler.classes=4']), undefined, true);
    expect(finished?.results[0]?.result).toMatchObject({ steps: 15, memory: { slots: 4 } });
    expect(await saved()).toMatchObject(numbers);
    const { plan, heads } = JSON.parse(await readFile(join(run, 'metrics.json'), 'utf8'));
    expect(plan.sentences[0]).toBe(sentence);
    expect(plan.expectedHitRate).toBeCloseTo(14 / 15, 9);
    expect(heads[0].memory).toMatchObject({ hitRate: 14 / 15, expectedHitRate: plan.expectedHitRate });
    expect((await resume(run, ['steps=16'])).finished?.results[0]?.result.steps).toBe(16);
  }, 120_000);

  it('warns once of a hit rate below one half, whichever head it is of', async () => {
    const seldom = ['steps=12', 'head.size=3', 'evaluation.every=0', 'checkpoint.every=100'];
    const { said } = await train(join(folder, 'seldom'), config(...seldom, 'baselines=["dynamic-class-pool"]'));
    const warnings = said.filter((line) => line.startsWith('warning: '));
    expect(warnings).toEqual([expect.stringMatching(/^warning: only \d+ % of classes will be found .* Set --set /)]);
    expect(said.filter((line) => /images\/s: about .* to go$/.test(line))).toHaveLength(2);
  }, 120_000);

  it('leaves out pairs with a held-out image that cannot be read, and says so', async () => {
    const broken = await copyOf(faces, 'broken');
    const source = await openData(config(`data.path=${broken}`));
    const kind = { kind: 'held-out', people: 300, count: 600 } as const;
    const tested = heldOut(source, kind);
    expect(tested.identities).toBe(4);
    expect(heldOut(source, kind).identityName(2)).toBe(tested.identityName(2));
    expect(heldOut(source, { ...kind, people: 3 }).identities).toBe(3);
    const whole = await heldOutPairs(tested, kind);
    expect(whole).toMatchObject({ unreadable: 0, pairs: { length: 12 } });
    const [identity, image] = whole.pairs[0]!.a;
    const { name } = await tested.load(identity, image);
    await writeFile(name, 'not an image');
    const { pairs, unreadable } = await heldOutPairs(tested, kind);
    expect(unreadable).toBe(
      whole.pairs.filter(({ a, b }) => [a, b].some((one) => one.join() === `${identity},${image}`)).length,
    );
    expect(pairs.length + unreadable).toBe(12);
    const few = await copyOf(faces, 'few');
    for (const person of ['p0', 'p1', 'p2', 'p3', 'p4']) await rm(join(few, person), { recursive: true });
    const all = await openData(config(`data.path=${few}`));
    expect(() => heldOut(all, kind)).toThrow('with two images or more is 3, expected at least 4');
  });
});

describe('who is tested', () => {
  const list = async (name: string, people: readonly string[]): Promise<string> => {
    const lines = people.flatMap((person, i) => [
      `${person}\t1\t2`,
      `${person}\t1\t${people[(i + 1) % people.length]}\t2`,
    ]);
    await writeFile(join(folder, name), lines.join('\n'));
    return join(folder, name);
  };
  const tested = (file: string, dir: string, ...more: string[]) =>
    config(`evaluation.pairs=${JSON.stringify({ kind: 'lfw', file, dir })}`, ...more);

  it('is left out of training by name, in any form of Unicode; who is not found is named', async () => {
    const accented = await copyOf(faces, 'accented');
    for (const image of [1, 2, 3]) {
      await rename(join(accented, `p0/p0_000${image}.jpg`), join(accented, `p0/Zoe\u0308_000${image}.jpg`));
    }
    await rename(join(accented, 'p0'), join(accented, 'Zoe\u0308'));
    const pairs = await list('some.txt', ['Zo\u00eb', 'p1']);
    const some = tested(pairs, accented, `data.path=${accented}`, 'steps=2');
    const { finished, said } = await train(join(folder, 'some'), some);
    expect(finished?.source.identities).toBe(6);
    expect(said).toContain('2 of 2 people of some.txt are in the training data, and left out of it');
    expect(finished?.pairs.protocol).toBe(
      'some.txt, trained on everybody else in accented; 2 of 2 people of some.txt are in the training data, and left out of it',
    );
  }, 120_000);

  it('who is nobody of the training data is refused, unless that is meant', async () => {
    const strangers = await copyOf(faces, 'strangers');
    for (const person of ['p0', 'p1']) {
      for (const image of [1, 2, 3]) {
        const name = (who: string): string => `${who}_000${image}.jpg`;
        await rename(join(strangers, person, name(person)), join(strangers, person, name(`x${person}`)));
      }
      await rename(join(strangers, person), join(strangers, `x${person}`));
    }
    const none = await list('none.txt', ['xp0', 'xp1']);
    const run = join(folder, 'none');
    const sentence = '0 of 2 people of none.txt are in the training data: nothing was left out.';
    await expect(train(run, tested(none, strangers))).rejects.toThrow(
      `${sentence} Not found: xp0, xp1. If they are not in it under another name either, say so: --set evaluation.allowUnmatched=true.`,
    );
    await expect(readdir(run)).rejects.toThrow('ENOENT');
    const meant = await train(run, tested(none, strangers, 'evaluation.allowUnmatched=true', 'steps=2'));
    expect(meant.said).toContain(sentence);
    expect(meant.finished?.source.identities).toBe(8);
    expect(meant.finished?.pairs.protocol).toBe(`none.txt; ${sentence}`);
  }, 120_000);
});
