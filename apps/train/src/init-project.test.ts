import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { enginesAtHand } from '@protomem/engine/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, small, smallDemo } from '../fixtures/command.ts';

const app = join(import.meta.dirname, '..');
let folder: string;
beforeAll(async () => {
  // Below the command's own package, where what the project imports is found without an install.
  folder = await mkdtemp(join(app, '.init-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('protomem init', () => {
  it('writes a project that holds its types and trains', { timeout: 120_000 }, async () => {
    const project = join(folder, 'My encoder');
    const { code, text } = await run('init', project);
    expect(code, text).toBe(0);
    expect(text).toContain(`\ncd "${project}"\nnpm install\nnpm run train\n`);
    const manifest = JSON.parse(await readFile(join(project, 'package.json'), 'utf8'));
    const { version } = JSON.parse(await readFile(join(app, 'package.json'), 'utf8'));
    expect(text.includes('is not on npm')).toBe(version === '0.0.0');
    const pinned = { protomem: version, '@tensorflow/tfjs': expect.stringMatching(/^\d+\.\d+\.\d+$/) };
    expect(manifest).toMatchObject({ name: 'my-encoder', dependencies: pinned });
    expect(manifest.devDependencies.typescript).toContain(
      /\n {2}typescript: (\S+)/.exec(await readFile(join(app, '../../pnpm-workspace.yaml'), 'utf8'))![1],
    );

    const tsc = join(app, '../../node_modules/.bin/tsc');
    const conditions = ['--customConditions', '@protomem/source', '--allowImportingTsExtensions', '--types', 'node'];
    const checked = spawnSync(tsc, ['-p', project, ...conditions], { cwd: project, encoding: 'utf8' });
    expect(checked.stdout).toBe('');

    const engine = (await enginesAtHand()).includes('node') ? 'node' : 'wasm';
    const args = [...small, ...smallDemo, '--set', `engine.prefer=${engine}`];
    const trained = await run('train', join(project, 'train.ts'), '--out', join(project, 'runs'), ...args);
    expect(trained.code, trained.text).toBe(0);
    expect(await readFile(join(project, 'runs/report.html'), 'utf8')).toContain('with the loss marginSoftmax');
  });

  it('overwrites nothing, and says what is in the way', async () => {
    const project = join(folder, 'taken');
    await mkdir(project);
    await writeFile(join(project, '.gitignore'), 'mine');
    await writeFile(join(project, 'train.ts'), 'mine');
    const { code, text } = await run('init', project);
    expect(code).toBe(1);
    expect(text).toContain('a folder that holds .gitignore, train.ts');
    expect((await readdir(project)).sort()).toEqual(['.gitignore', 'train.ts']);
    expect(await readFile(join(project, 'train.ts'), 'utf8')).toBe('mine');
    expect((await run('init', join(project, 'train.ts'))).text).toContain(
      'train.ts is "not a folder", expected a folder, or a new name',
    );
  });
});
