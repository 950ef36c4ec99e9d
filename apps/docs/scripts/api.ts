// Writes the pages of the API, one an entry of a package, from doc comments: `apps/docs/api/*.md`, which is not committed.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Application } from 'typedoc';
import { packages, root } from '../src/packages.ts';

const out = join(root, 'apps/docs/api');
const stamp = join(out, '.sources');

/** Everything that the pages are made of. */
const hash = createHash('sha256');
const sources = packages.flatMap(({ folder }) => [
  `${folder}/package.json`,
  ...readdirSync(join(root, folder, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .sort()
    .map((name) => `${folder}/src/${name}`),
]);
for (const name of [...sources, 'apps/docs/scripts/api.ts', 'pnpm-lock.yaml'])
  hash.update(`${name}\n`).update(readFileSync(join(root, name)));
const digest = hash.digest('hex');

if ((await readFile(stamp, 'utf8').catch(() => '')) === digest) {
  console.log('API pages: as they were, no source has changed');
} else {
  await rm(out, { recursive: true, force: true });
  const entries = packages.flatMap(({ folder, entries }) =>
    entries.map(({ source, name }) => ({ name, path: join(root, folder, source) })),
  );
  const app = await Application.bootstrapWithPlugins({
    entryPoints: entries.map(({ path }) => path),
    tsconfig: join(root, 'tsconfig.json'),
    plugin: ['typedoc-plugin-markdown'],
    ...{ out, readme: 'none', name: 'API', router: 'module', skipErrorChecking: true, disableSources: true },
    ...{ excludeInternal: true, excludePrivate: true, logLevel: 'Error' },
    validation: { notExported: false, invalidLink: false, notDocumented: false },
  });
  const options: Readonly<Record<string, unknown>> = {
    ...{ entryFileName: 'index', hideBreadcrumbs: true, hidePageHeader: true, modulesFileName: 'modules' },
    ...{ parametersFormat: 'table', interfacePropertiesFormat: 'table', typeDeclarationFormat: 'table' },
    ...{ useCodeBlocks: true, pageTitleTemplates: { module: '{name}', index: 'API' } },
  };
  for (const [name, value] of Object.entries(options)) app.options.setValue(name, value);
  const project = await app.convert();
  if (!project?.children) throw new Error('TypeDoc has found no module');
  // TypeDoc calls a module after its file, readers after what they import.
  for (const module of project.children) {
    const entry = entries.find(({ path }) => path.replace(/(\/index)?\.ts$/, '').endsWith(`/${module.name}`));
    if (!entry) throw new Error(`TypeDoc has a module ${module.name}, which is no package's entry`);
    module.name = entry.name;
  }
  await app.generateOutputs(project);
  await writeFile(stamp, digest);
  console.log(`API pages: ${entries.length} entries, written to ${out}`);
}
