import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { make as alignCommand } from './commands/align.ts';
import { evaluate } from './commands/evaluate.ts';
import { identify, make as identifyCommand } from './commands/identify.ts';
import { make as importCommand } from './commands/import.ts';
import { commands } from './commands/index.ts';
import { make as inspectCommand } from './commands/inspect.ts';
import { make as trainCommand } from './commands/train.ts';
import { initProject } from './init-project.ts';

const train = (...args: string[]) => trainCommand().parseAsync(args, { from: 'user' });

let dir: string;
let printed: string[];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protomem-command-line-'));
  printed = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => printed.push(String(line)));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(dir, { recursive: true });
});

describe('--help', () => {
  it('marks what is needed, and nothing else', () => {
    const marked = (text: string): string[] =>
      text
        .replace(/\n {5,}/g, ' ')
        .split('\n')
        .filter((line) => line.endsWith('(needed)'))
        .map((line) => line.trim().split(' ')[0]!);
    expect(marked(importCommand().helpInformation())).toEqual(['--out', '--as']);
    expect(marked(identifyCommand().helpInformation())).toEqual(['--model', '--gallery']);
    expect(marked(trainCommand().helpInformation())).toEqual([]);
  });

  it.each(Object.keys(commands))('of %s has no fragment that says "likewise"', async (name) => {
    expect((await commands[name]!.load()).make().helpInformation()).not.toMatch(/likewise/i);
  });
});

describe('protomem train', () => {
  it('lists options with what the named run has in their place, and refuses a prefix of none', async () => {
    await train('demo', '--options', 'steps');
    expect(printed.join('\n')).toMatch(/^ {2}steps .*; demo: 300\n$/s);
    await expect(train('--options', 'stesp')).rejects.toThrow('Did you mean "steps"?');
  });

  it('names the option, the file or the run that is wrong', async () => {
    await expect(train('demo', '--epochs', 'abc')).rejects.toThrow("option '--epochs <n>' argument 'abc' is invalid");
    await expect(train('--resume')).rejects.toThrow('train: --out is "missing", expected the folder of the run');
    await expect(train()).rejects.toThrow('train: the run is "missing", expected one of demo,');
    await expect(train('text.txt')).rejects.toThrow('or a file that ends in .json, .ts, .mts, .cts, .js, .mjs, .cjs');
    await expect(train(join(dir, 'no.ts'))).rejects.toThrow('no.ts is "missing", expected a configuration');
    await expect(train('demo', '--resume', '--out', dir)).rejects.toThrow('config.json is "missing"');
    await expect(train('demo', '--init', join(dir, 'no'))).rejects.toThrow('the file is "missing"');
  });

  it.each(['.cjs', '.cts', '.mjs'])('takes a file that ends in %s', async (ending) => {
    const file = join(dir, `mine${ending}`);
    const begin = ending === '.mjs' ? 'export default' : 'module.exports =';
    await writeFile(file, `${begin} { from: 'demo', steps: 70 };\n`);
    await train(file, '--print');
    expect(JSON.parse(printed.join('\n'))).toMatchObject({ recipe: 'mine', steps: 70 });
  });

  it('says that epochs take the place of steps', async () => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    await train('demo', '--print', '--set', 'steps=50');
    await train('demo', '--print', '--epochs', '2');
    expect(warned).not.toHaveBeenCalled();
    await train('demo', '--print', '--set', 'steps=50', '--epochs', '2');
    expect(warned).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/^epochs stand in for steps=50: warm-up/));
  });
});

describe('options that would do nothing', () => {
  const own = (asked: object) => identify([dir], { model: 'none', gallery: dir, aligned: false, ...asked });
  const align = (...args: string[]) => alignCommand().parseAsync([dir, join(dir, 'out'), ...args], { from: 'user' });
  it.each([
    ['--protocol and --data', () => evaluate(dir, { protocol: 'lfw', data: dir })],
    ['--protocol and --set', () => evaluate(dir, { protocol: 'lfw', set: ['seed=2'] })],
    ['--aligned and --detector', () => own({ aligned: true, detector: 'a.ts' })],
    ['--aligned and --min-score', () => own({ aligned: true, minScore: 0.3 })],
    ['--landmarks and --detector', () => align('--landmarks', 'a.csv', '--detector', 'a.ts')],
    ['--landmarks and --min-score', () => align('--landmarks', 'a.csv', '--min-score', '0.5')],
    ['--detector and --engine', () => align('--detector', 'a.ts', '--engine', 'cpu')],
  ])('are refused: %s', async (names, asked) => {
    await expect(asked()).rejects.toThrow(`the command line is "${names}", expected one of them`);
  });
});

it('options of data sets are refused by inspect where there is none', async () => {
  const file = join(dir, 'a.safetensors');
  await writeFile(file, '');
  const asked = inspectCommand().parseAsync([file, '--problems', 'a.tsv'], { from: 'user' });
  await expect(asked).rejects.toThrow(/^inspect: --problems is "a.tsv", expected nothing: .* is an encoder/);
});

describe('what is not there', () => {
  const faces = { model: 'none', aligned: true };

  it('is named by evaluate, which leaves no empty folder', async () => {
    await expect(evaluate(join(dir, 'no'), {})).rejects.toThrow(/^evaluate: .*no is "missing", expected a run/);
    const out = join(dir, 'results', 'here');
    const asked = evaluate(join(dir, 'no'), { protocol: 'retrieval', images: dir, out });
    await expect(asked).rejects.toThrow(/^model: .*no is "missing", expected a finished run/);
    expect(await readdir(dir)).toEqual([]);
    const other = evaluate(join(dir, 'no'), { protocol: 'retrieval', images: dir, list: 'foo' });
    await expect(other).rejects.toThrow('evaluate: --list is "foo", expected nothing: this test takes --images.');
  });

  it('is named by identify, before a model is opened', async () => {
    const gallery = join(dir, 'no gallery');
    await expect(identify([dir], { ...faces, gallery })).rejects.toThrow(
      /^identify: --gallery .*no gallery is "missing", .* Make one: protomem enrol PHOTOS --gallery ".*no gallery" --model/,
    );
    const pattern = identify([dir], { ...faces, gallery: join(dir, 'x-{000..009}.tar') });
    await expect(pattern).rejects.toThrow('model: none is "missing"');
  });

  it('is a folder for init', async () => {
    const file = join(dir, 'text.txt');
    await writeFile(file, 'x');
    await expect(initProject(file)).rejects.toThrow('text.txt is "not a folder", expected a folder, or a new name');
  });
});
