import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enginesAtHand } from '@protomem/engine/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, run, small, smallDemo, start } from '../fixtures/command.ts';

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('the command line', () => {
  let folder: string;
  let engine: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'protomem-train-'));
    const engines = await enginesAtHand();
    engine = engines.includes('node') ? 'node' : 'wasm';
  });
  afterAll(() => rm(folder, { recursive: true }));
  const demo = (out: string, ...more: string[]): string[] => [
    ...['demo', '--out', join(folder, out), ...small, ...smallDemo, '--set', `engine.prefer=${engine}`, ...more],
  ];
  const encoderOf = (out: string): Promise<Buffer> => readFile(join(folder, out, 'encoder.safetensors'));

  it('trains, evaluates, reports; killed at any moment it resumes to the same bits', async () => {
    const whole = await run(...demo('whole'));
    expect(whole.text).toContain('report: ');
    expect(whole.code).toBe(0);
    const left = await readdir(join(folder, 'whole'));
    for (const name of [
      'config.json',
      'log.jsonl',
      'checkpoints',
      'encoder.safetensors',
      'metrics.json',
      'report.html',
    ]) {
      expect(left).toContain(name);
    }
    const metrics = JSON.parse(await readFile(join(folder, 'whole', 'metrics.json'), 'utf8'));
    expect(metrics.heads[0].verification.accuracy).toBeGreaterThan(0);
    expect(metrics.heads[0].imagesPerSecond).toBeGreaterThan(0);

    const { child, ended } = start(demo('killed'));
    await until(() => existsSync(join(folder, 'killed', 'checkpoints', 'checkpoint-00000003.safetensors')));
    child.kill('SIGKILL');
    await ended;
    expect(existsSync(join(folder, 'killed', 'encoder.safetensors'))).toBe(false);
    // Of what, the folder knows.
    const resumed = await run('train', '--out', join(folder, 'killed'), '--resume');
    expect(resumed.code, resumed.text).toBe(0);
    expect((await encoderOf('killed')).equals(await encoderOf('whole'))).toBe(true);
    const steps = (await readFile(join(folder, 'killed', 'log.jsonl'), 'utf8'))
      .split('\n')
      .filter((line) => line.includes('train/loss'))
      .map((line) => JSON.parse(line).step);
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);

    const again = await run(...demo('whole'));
    expect(again.code).toBe(1);
    expect(again.text).toContain('It holds a finished run: name another folder.');
    const evaluated = await run('evaluate', join(folder, 'whole'));
    expect(evaluated.code, evaluated.text).toBe(0);
    const anew = JSON.parse(await readFile(join(folder, 'whole/evaluation/own-pairs/metrics.json'), 'utf8'));
    // Norms are folded for evaluation: a score may differ by rounding, and with it a pair.
    const pairs = anew.verification.positives + anew.verification.negatives;
    const difference = anew.verification.accuracy - metrics.heads[0].verification.accuracy;
    expect(Math.abs(difference)).toBeLessThan(1.5 / pairs);
    const redrawn = await run('report', join(folder, 'whole'));
    expect(redrawn.text).toMatch(/\d+ charts as SVG and PNG: /);
    const inspected = await run('inspect', join(folder, 'whole', 'encoder.safetensors'));
    expect(inspected.text).toContain('name: iresnet18');
  }, 240_000);

  it('trains with doppelgangers; killed, it resumes to the same bits, for any prefetch', async () => {
    const mined = (out: string, ...more: string[]): Promise<Ended> => {
      const mining = ['sampler.mining.lag=3', 'sampler.mining.duplicateAbove=0.9', 'sampler.imageChoice=hard'];
      const patches = ['steps=16', 'sampler.companions=doppelgangers', ...mining];
      return run(
        ...demo(
          out,
          ...[...patches, 'head.size=20', 'data.identities=20', ...more].flatMap((patch) => ['--set', patch]),
        ),
      );
    };
    const whole = await mined('mined', 'checkpoint.every=5', 'checkpoint.keep=9');
    expect(whole.code, whole.text).toBe(0);
    const log = (await readFile(join(folder, 'mined', 'log.jsonl'), 'utf8')).split('\n').filter(Boolean);
    const steps = log.map((line) => JSON.parse(line)).filter((record) => 'train/loss' in record);
    // All that was shown so far is the first of two groups.
    expect(steps.at(-1)['miner/rows']).toBe(10);
    expect(steps.some((record) => record['miner/added'] > 0)).toBe(true);
    const table = (await readFile(join(folder, 'mined', 'duplicates.tsv'), 'utf8')).trimEnd().split('\n');
    expect(table[0]).toBe('name\tname\tcosine\timage\timage');
    for (const line of table.slice(1)) {
      expect(line.split('\t')).toHaveLength(5);
      expect(Number(line.split('\t')[2])).toBeGreaterThan(0.9);
    }

    // What a kill after step 10 leaves.
    await cp(join(folder, 'mined'), join(folder, 'mined-killed'), { recursive: true });
    for (const name of ['result.json', 'report.html', 'encoder.safetensors', 'duplicates.tsv']) {
      await rm(join(folder, 'mined-killed', name));
    }
    for (const step of ['15', '16']) {
      await rm(join(folder, 'mined-killed', 'checkpoints', `checkpoint-000000${step}.safetensors`));
    }
    const resumed = await run(
      ...['demo', '--out', join(folder, 'mined-killed'), '--resume', '--set', 'loader.prefetch=3'],
    );
    expect(resumed.code, resumed.text).toBe(0);
    expect((await encoderOf('mined-killed')).equals(await encoderOf('mined'))).toBe(true);
    expect(await readFile(join(folder, 'mined-killed', 'duplicates.tsv'), 'utf8')).toBe(`${table.join('\n')}\n`);
  }, 240_000);

  it('ends after the step under way on Ctrl-C, with a checkpoint and what to type next', async () => {
    const { child, ended } = start(demo('interrupted', '--set', 'steps=5000', '--set', 'checkpoint.every=4999'));
    await until(() => existsSync(join(folder, 'interrupted', 'log.jsonl')));
    child.kill('SIGINT');
    const { code, text } = await ended;
    expect(code).toBe(130);
    expect(text).toContain(`go on with: npm run train -- --out ${join(folder, 'interrupted')} --resume`);
    expect(await readdir(join(folder, 'interrupted', 'checkpoints'))).toHaveLength(1);
  }, 120_000);

  it('refuses a damaged only checkpoint and one of another recipe, by name', async () => {
    await cp(join(folder, 'killed'), join(folder, 'damaged'), { recursive: true });
    const checkpoints = join(folder, 'damaged', 'checkpoints');
    await rm(join(folder, 'damaged', 'result.json'));
    for (const name of await readdir(checkpoints)) await truncate(join(checkpoints, name), 1000);
    const damaged = await run('demo', '--out', join(folder, 'damaged'), '--resume');
    expect(damaged.code).toBe(1);
    expect(damaged.text).toMatch(/checkpoint-0000000\d\.safetensors: the header length at offset 0/);
    expect(damaged.text).toContain('Put a good copy there');

    await cp(join(folder, 'killed'), join(folder, 'other'), { recursive: true });
    await rm(join(folder, 'other', 'result.json'));
    const other = await run('demo', '--out', join(folder, 'other'), '--resume', '--set', 'head.size=50');
    expect(other.code).toBe(1);
    expect(other.text).toContain('config.head.size: saved 40, now 50');
  }, 120_000);
});
