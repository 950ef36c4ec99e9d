import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findPackage } from '../../packages.ts';
import { restoreUtilFunctions } from './node-compatibility.ts';

it('gives newer Nodes what they dropped, and leaves older ones alone', () => {
  const [newer, older] = [{} as Record<string, (value: unknown) => boolean>, {}];
  restoreUtilFunctions(newer, '24.1.0');
  restoreUtilFunctions(older, '20.19.0');
  expect(older).toEqual({});
  expect([null, undefined, 0, '', []].map(newer.isNullOrUndefined!)).toEqual([true, true, false, false, false]);
  expect([[], {}, 'a'].map(newer.isArray!)).toEqual([true, false, false]);
});

it('covers every such call in tfjs-node', () => {
  const dist = join(findPackage('@tensorflow/tfjs-node')!.folder, 'dist');
  const names = readdirSync(dist, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.js') && !name.endsWith('_test.js'))
    .flatMap((name) => {
      const code = readFileSync(join(dist, name), 'utf8');
      const variable = /var (\w+) = require\("(?:node:)?util"\)/.exec(code)?.[1];
      return variable ? Array.from(code.matchAll(new RegExp(`\\b${variable}\\.(\\w+)`, 'g')), (match) => match[1]) : [];
    });
  expect([...new Set(names)].sort()).toEqual(['isArray', 'isNullOrUndefined', 'promisify']);
});
