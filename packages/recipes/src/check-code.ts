import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Collective, checkSame, type EngineInfo } from '@protomem/engine';

/** Runs as code; declarations and tests do not. */
const isCode = (file: string): boolean => /\.[cm]?[jt]s$/.test(file) && !/\.(d|test)\.[cm]?[jt]s$/.test(file);

/** What lies beside this module's package: of a checkout all packages, of an installation those that it depends on, at least. */
function ownFolders(): { packages: string; form: string } {
  const own = fileURLToPath(import.meta.url).split(sep);
  const form = own.lastIndexOf('src') > own.lastIndexOf('dist') ? 'src' : 'dist';
  const root = own.slice(0, own.lastIndexOf(form)).join(sep);
  return { packages: dirname(root), form };
}

/**
 * Digest of the code of all packages in a folder, of what runs: `dist`, or `src` where modules run from their source. A
 * version alone does not change while somebody works on the code. Some 2 MB, tens of milliseconds.
 */
export function digestOfCode({ packages, form } = ownFolders()): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(packages).sort()) {
    const folder = join(packages, name, form);
    if (!existsSync(folder)) continue;
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(isCode);
    // Systems differ in their separators and orders.
    for (const file of files.map((path) => path.split(sep).join('/')).sort()) {
      hash.update(`${name}/${file}\n`).update(readFileSync(join(folder, file)));
    }
  }
  return hash.digest('hex').slice(0, 12);
}

/** Throws unless all ranks run the same code on the same library: what decides, beside processors, whether they stay equal. */
export function checkSameCode(where: string, collective: Collective, engine: EngineInfo): void {
  if (collective.size === 1) return;
  const fix =
    'Install the same release of protomem, of its engine (npx protomem-engine install) and of Node on all machines.';
  checkSame(collective, where, 'the code of protomem (digest)', digestOfCode(), fix);
  checkSame(collective, where, 'the engine', `${engine.engine} ${engine.version}`, fix);
  // Its Math decides learning rates, margins and synthetic images.
  checkSame(collective, where, 'the version of Node', process.version, fix);
}
