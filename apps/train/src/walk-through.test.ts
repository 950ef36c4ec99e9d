import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { enginesAtHand } from '@protomem/engine/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const faces = join(process.env.PROTOMEM_DATA ?? join(root, '../shared/data'), 'lfw112');
const there = existsSync(faces);
if (!there) console.log(`skipped: the walk-through, because ${faces} is not there`);

/** What the page says, made small. */
const smaller: readonly (readonly [RegExp, string])[] = [
  [/--people 250 --images 12/, '--people 8 --images 4'],
  [/--people 50 --pairs 300/, '--people 3 --pairs 5'],
  [/steps=240/, 'steps=4 --set schedule.warmup=2 --set encoder.width=0.125 --set encoder.inputSize=32'],
  [/evaluation\.every=80/, 'evaluation.every=0 --set sampler.classes=4'],
];

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-walk-'));
});
afterAll(() => rm(dir, { recursive: true }));

it.skipIf(!there)('docs/walk-through.md runs as it is written', { timeout: 180_000 }, async () => {
  const page = await readFile(join(root, 'docs/walk-through.md'), 'utf8');
  const commands = [...page.matchAll(/^```sh\n(.+?)\n```$/gms)].map(([, command]) => command!);
  expect(commands).toHaveLength(6);
  const engine = (await enginesAtHand()).includes('node') ? 'node' : 'wasm';
  const said: string[] = [];
  for (const command of commands) {
    let line = command;
    for (const [from, to] of smaller) line = line.replace(from, to);
    line = line
      .replace(/^npm run (data|train) -- /, `${join(root, 'apps/train/src/cli.ts')} `)
      .replace(/^npx tsx --conditions=@protomem\/source /, `${root}/`)
      .replace(/\blfw112\b/, faces);
    const words = line.split(' ').map((word) => word.replace(/^'(.*)'$/, '$1'));
    const args = words.map((word) => (/^(photos|faces|run)$/.test(word) ? join(dir, word) : word));
    const own = args.map((word) => word.replace(/(^|=)pairs\.txt$/, `$1${join(dir, 'pairs.txt')}`));
    const engineArgs = /cli\.ts lfw /.test(line) ? ['--set', `engine.prefer=${engine}`] : [];
    const node = ['--import', 'tsx', '--conditions=@protomem/source', ...own, ...engineArgs];
    said.push((await run(process.execPath, node, { cwd: root })).stdout);
  }
  expect(said[1]).toMatch(/(2\d|3[0-2]) of 32 photos aligned/);
  expect(said[2]).toContain('0 broken');
  expect(said[3]).toContain('10 pairs of 3 people written');
  expect(said[4]).toMatch(/data: 5 identities[\s\S]*accuracy/);
  expect(said[5]).toMatch(/accuracy over 5 folds\s+\S+ %/);
  const metrics = JSON.parse(await readFile(join(dir, 'run/evaluation/own-pairs/metrics.json'), 'utf8'));
  expect(metrics.verification).toMatchObject({ positives: 5, negatives: 5 });
});
