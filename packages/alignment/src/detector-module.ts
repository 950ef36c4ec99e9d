import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { firstLineOf, ProtomemError } from '@protomem/core';
import type { Detect } from './detect.ts';

/**
 * A detector of one's own: what a module exports as `detect`.
 *
 * @param where the command, for messages
 * @throws ProtomemError when there is no such file, it cannot be loaded, or it exports no function of this name
 */
export async function detectorFromModule(where: string, file: string): Promise<Detect> {
  const refuse = (what: string, got: string, cause?: unknown): never => {
    const expected = 'a module that exports a function detect(photo, file) => [{ landmarks: [[x, y], ... five] }]';
    throw new ProtomemError({ where, what: `--detector ${what}`, got, expected }, { cause });
  };
  const module: { readonly detect?: unknown } = await import(pathToFileURL(resolve(file)).href).catch(
    (error: unknown) => refuse(file, existsSync(file) ? `not to be loaded: ${firstLineOf(error)}` : 'missing', error),
  );
  if (typeof module.detect === 'function') return module.detect as Detect;
  return refuse(`${file}: detect`, module.detect === undefined ? 'missing' : typeof module.detect);
}
