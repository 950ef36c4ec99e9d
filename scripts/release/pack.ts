import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { must, pnpm, publicPackages, root } from '../house.ts';

/** A package as it goes to the registry. */
export interface Packed {
  readonly name: string;
  readonly version: string;
  /** Path of the tarball. */
  readonly filename: string;
  readonly files: readonly string[];
  readonly bytes: number;
  readonly sha256: string;
}

/** Packs every public package of a checkout, built before; `pnpm pack` puts versions in place of `workspace:` and `catalog:`. */
export async function packAll(destination: string, checkout = root): Promise<Packed[]> {
  const names = publicPackages(checkout).map(({ manifest }) => manifest.name);
  const filters = names.flatMap((name) => ['--filter', name]);
  const hooks = `--config.pnpmfile=scripts/release/pnpmfile.cjs`;
  const args = [hooks, '--recursive', ...filters, 'pack', '--json', '--pack-destination', destination];
  type Told = { name: string; version: string; filename: string };
  const told = JSON.parse(await pnpm(args, { cwd: checkout })) as Told[];
  if (told.length !== names.length) throw new Error(`packed ${told.length} packages of ${names.length}`);
  return Promise.all(
    told.map(async ({ name, version, filename }) => ({
      ...{ name, version, filename, bytes: statSync(filename).size },
      // pnpm's own list leaves out the LICENSE that it takes from the root.
      files: (await must('tar', ['-tzf', filename])).split('\n').flatMap((line) => line.slice('package/'.length) || []),
      sha256: createHash('sha256').update(readFileSync(filename)).digest('hex'),
    })),
  );
}

/** The files in an `exports`, however deep its conditions are. */
const targets = (value: unknown): string[] =>
  typeof value === 'string' ? [value] : Object.values(value as object).flatMap(targets);

/** What is wrong with what a tarball holds; nothing where all is right. `folder`: where it is unpacked. */
export function faultsOf({ name, files }: Packed, folder: string): string[] {
  const text = (file: string): string => readFileSync(join(folder, file), 'utf8');
  const faults = ['LICENSE', 'README.md', 'package.json']
    .filter((file) => !files.includes(file))
    .map((file) => `no ${file}`);
  const manifest = JSON.parse(text('package.json')) as Readonly<Record<string, unknown>>;
  for (const field of ['description', 'keywords', 'license', 'author', 'engines', 'sideEffects', 'publishConfig']) {
    if (manifest[field] === undefined) faults.push(`package.json without ${field}`);
  }
  if (/"(workspace|catalog):/.test(text('package.json'))) faults.push('package.json names workspace: or catalog:');
  for (const entry of targets(manifest.exports ?? {})) {
    if (!existsSync(join(folder, entry))) faults.push(`exports ${entry}, which is not there`);
  }
  for (const file of files) {
    if (/\.test\.|(^|\/)(__)?fixtures?(__)?\//.test(file)) faults.push(`${file}: a test`);
    if (!file.endsWith('.map')) continue;
    const map = JSON.parse(text(file)) as { sources: string[]; sourcesContent?: (string | null)[] };
    if (map.sourcesContent?.some(Boolean)) faults.push(`${file} holds the sources a second time`);
    const lost = map.sources.filter((source) => !existsSync(join(folder, file, '..', source)));
    if (lost.length > 0) faults.push(`${file}: ${lost[0]} is not there`);
  }
  if (name !== 'protomem' && !files.some((file) => file.endsWith('.d.ts'))) faults.push('no types');
  return faults;
}
