import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { baselines } from '@protomem/baselines';
import { datasetFormats, samplers } from '@protomem/data';
import { encoders } from '@protomem/encoders';
import { losses } from '@protomem/losses';
import { protocols } from '@protomem/protocols';
import { recipes } from '@protomem/recipes';
import { optimizers, schedules } from '@protomem/training';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const registries = {
  baselines,
  'dataset formats': datasetFormats,
  encoders,
  losses,
  optimizers,
  protocols,
  recipes,
  samplers,
  schedules,
};

/** Sources of packages and of the command. Names that an entry exports are no list, and scripts and benchmarks choose what they compare. */
const sources = spawnSync('git', ['ls-files', 'packages/*/src/*.ts', 'apps/train/src/*.ts'], { cwd: root })
  .stdout.toString()
  .split('\n')
  .filter((name) => name !== '' && !/(\.test|\/index|src\/(everywhere|browser))\.ts$/.test(name))
  .map((name) => ({ name, text: readFileSync(join(root, name), 'utf8') }));

/** Files that name more than half of a registry's entries, at least three, in quotes or as keys. */
function listing(names: readonly string[]): string[] {
  const patterns = names.map((name) => new RegExp(`(['"]${name}['"]|^\\s*${name}[:,])`, 'm'));
  return sources
    .filter(({ text }) => patterns.filter((pattern) => pattern.test(text)).length > Math.max(2, names.length / 2))
    .map(({ name }) => name);
}

it.each([
  [
    'baselines',
    [
      'packages/baselines/src/baselines.ts',
      'packages/recipes/src/run-schema.ts',
      'packages/recipes/src/compose.ts',
      'apps/train/src/run-report.ts',
    ],
  ],
  ['dataset formats', ['packages/data/src/formats/dataset-formats.ts']],
  ['encoders', ['packages/encoders/src/create-encoder.ts']],
  ['losses', ['packages/losses/src/losses.ts']],
  ['optimizers', []],
  ['protocols', ['packages/protocols/src/protocols.ts']],
  ['recipes', []],
  ['samplers', ['packages/data/src/samplers/samplers.ts', 'packages/recipes/src/spellings.ts']],
  ['schedules', ['packages/training/src/schedules.ts']],
] as const)('no second list of names of %s', (registry, files) => {
  expect(listing(Object.keys(registries[registry])).sort()).toEqual([...files].sort());
});
