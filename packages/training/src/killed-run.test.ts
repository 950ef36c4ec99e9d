import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Random } from '@protomem/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { latestCheckpoint } from './checkpoint.ts';

const STEPS = 60;
const script = fileURLToPath(new URL('../fixtures/killed-run.ts', import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'protomem-killed-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** Runs in `folder`; is killed `delay` ms after its first step. @returns true when it came to its end. */
function runUntil(folder: string, delay = Number.POSITIVE_INFINITY): Promise<boolean> {
  const child = spawn(
    process.execPath,
    ['--conditions', '@protomem/source', '--import', tsx, script, folder, String(STEPS)],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let errors = '';
  child.stderr.on('data', (text) => {
    errors += text;
  });
  child.stdout.once('data', () => {
    if (Number.isFinite(delay)) setTimeout(() => child.kill('SIGKILL'), delay);
  });
  child.stdout.resume();
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(true);
      else if (signal === 'SIGKILL') resolve(false);
      else reject(new Error(errors));
    });
  });
}

describe('a run that is killed', () => {
  it('resumes, and ends with the same bytes as one that never was', async () => {
    const [whole, killed] = [join(directory, 'whole'), join(directory, 'killed')];
    const rng = new Random(Date.now());
    const delays = Array.from({ length: 3 }, () => rng.below(150));
    const [ended] = await Promise.all([
      runUntil(whole),
      (async () => {
        for (const delay of delays) await runUntil(killed, delay);
        await runUntil(killed);
      })(),
    ]);
    expect(ended).toBe(true);
    const [a, b] = await Promise.all(
      [whole, killed].map(async (folder) => readFile((await latestCheckpoint(folder))!)),
    );
    expect(a!.equals(b!), `killed ${delays.join(', ')} ms after the first step`).toBe(true);
    const steps = (await readFile(join(killed, 'metrics.jsonl'), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).step);
    expect(steps).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
  });
});
