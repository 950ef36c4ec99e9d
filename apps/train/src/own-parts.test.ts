import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enginesAtHand } from '@protomem/engine/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, small, smallDemo } from '../fixtures/command.ts';

const example = join(import.meta.dirname, '../../../examples/own-loss.ts');
let folder: string;
let engine: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'protomem-own-'));
  engine = (await enginesAtHand()).includes('node') ? 'node' : 'wasm';
});
afterAll(() => rm(folder, { recursive: true }));

describe('protomem train FILE', () => {
  it('trains with the loss that the file defines, and the report names it', { timeout: 120_000 }, async () => {
    const out = join(folder, 'own');
    const args = ['--out', out, ...small, ...smallDemo, '--set', `engine.prefer=${engine}`];
    const { code, text } = await run('train', example, ...args);
    expect(code, text).toBe(0);
    expect(await readFile(join(out, 'report.html'), 'utf8')).toContain('with the loss squaredHinge');
    const config = join(out, 'config.json');
    expect(JSON.parse(await readFile(config, 'utf8'))).toMatchObject({
      recipe: 'own-loss',
      head: { loss: { name: 'own', own: 'squaredHinge' } },
    });
    // The configuration alone only names the loss.
    const alone = await run('train', config, '--out', join(folder, 'alone'));
    expect(alone.text).toContain('the loss "squaredHinge" is "missing"');
  });

  it('leaves no folder behind where the configuration is wrong', async () => {
    const out = join(folder, 'wrong');
    const { code, text } = await run('train', example, '--out', out, '--set', 'head.size=3');
    expect(code).toBe(1);
    expect(text).toContain('head.size is 3, expected at least sampler.classes, 16');
    expect(existsSync(out)).toBe(false);
  });

  it('says what a command is for, and refuses what it does not have', async () => {
    const help = await run('--help');
    expect(help).toMatchObject({ code: 0 });
    expect(help.text).toContain('Exit codes: 0 done; 1 refused or failed');
    const options = await run('train', '--options', 'head.storage');
    expect(options.text).toContain('one of float32, bfloat16; default: "float32"');
    const unknown = await run('inspect', '.', '--gallery', 'x');
    expect(unknown).toMatchObject({ code: 1 });
    expect(unknown.text).toContain("unknown option '--gallery'");
    expect((await run('evalute', 'x')).text).toContain('Did you mean "evaluate"?');
    expect((await run('evaluate', '.', '--lsit', 'x')).text).toContain('Did you mean --list?');
  });
});
