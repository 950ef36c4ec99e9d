import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Manifest, must, pnpm, publicPackages, readManifest, root } from '../house.ts';
import type { Packed } from '../release/pack.ts';

/** A public package, and what its README tells its users to install. */
export interface Tried {
  readonly name: string;
  /** `data` for `@protomem/data`. */
  readonly short: string;
  readonly directory: string;
  readonly manifest: Manifest;
  /** The names in all `npm install` lines of its README. */
  readonly install: readonly string[];
  /** What programs may import: `@protomem/core`, `@protomem/core/node`; none of a command. */
  readonly entries: readonly string[];
}

export const triedPackages = (): Tried[] =>
  publicPackages().map(({ directory, manifest }) => {
    const readme = readFileSync(join(root, directory, 'README.md'), 'utf8');
    const lines = [...readme.matchAll(/^npm (?:install|i) ([^#\n]*)/gm)].map(([, names]) => names!.trim().split(/\s+/));
    const entries = Object.keys(manifest.exports ?? {}).filter((entry) => entry !== './package.json');
    return {
      ...{ name: manifest.name, directory, manifest },
      short: manifest.name.replace('@protomem/', ''),
      install: [...new Set([manifest.name, ...lines.flat().filter((name) => !name.startsWith('-'))])],
      entries: entries.map((entry) => manifest.name + entry.slice(1)),
    };
  });

const write = (folder: string, file: string, value: unknown): void => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, file), typeof value === 'string' ? value : `${JSON.stringify(value, undefined, 2)}\n`);
};

/** Versions of what is not ours: those that this repository is made and tested with. */
function versionOf(name: string): string {
  const catalog = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8');
  const found = new RegExp(`^  "?${name}"?: (\\S+)$`, 'm').exec(catalog);
  return found ? found[1]! : 'latest';
}

/** Programs that load each entry of a package, as ES modules and by `require`. */
function writeLoaders(folder: string, { name, entries }: Tried): void {
  if (name === 'protomem') return;
  const list = JSON.stringify(entries);
  write(folder, 'load.mjs', `for (const entry of ${list}) await import(entry);\nprocess.exit();\n`);
  write(folder, 'load.cjs', `for (const entry of ${list}) require(entry);\nprocess.exit();\n`);
}

const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];

/** Blank projects whose dependencies are tarballs. */
export class Projects {
  readonly folder: string;
  readonly packages: readonly Tried[];
  readonly #specs: Readonly<Record<string, string>>;

  constructor(folder: string, packages: readonly Tried[], packed: readonly Packed[]) {
    this.folder = folder;
    this.packages = packages;
    this.#specs = Object.fromEntries(packed.map(({ name, filename }) => [name, `file:${filename}`]));
  }

  #dependencies(names: readonly string[]): Record<string, string> {
    return Object.fromEntries(names.map((name) => [name, this.#specs[name] ?? versionOf(name)]));
  }

  /** One project of npm with several packages and all that their READMEs name. */
  async npm(folder: string, packages: readonly Tried[]): Promise<string> {
    const place = join(this.folder, folder);
    const names = [...new Set(packages.flatMap(({ install }) => install))];
    // Until they are on the registry, what packages want of each other comes from tarballs as well.
    const manifest = { private: true, type: 'module', dependencies: this.#dependencies(names), overrides: this.#specs };
    write(place, 'package.json', manifest);
    for (const one of packages) writeLoaders(join(place, 'programs', one.short), one);
    await must('npm', ['install', ...quiet], { cwd: place });
    return place;
  }

  /** A project of pnpm for each package, in which only what its README names is to be found. */
  async pnpm(): Promise<string> {
    const place = join(this.folder, 'pnpm');
    write(place, 'package.json', { private: true, devDependencies: { '@types/node': versionOf('@types/node') } });
    const overrides = Object.entries(this.#specs).map(([name, spec]) => `  '${name}': '${spec}'`);
    write(place, 'pnpm-workspace.yaml', `packages: ['packages/*']\noverrides:\n${overrides.join('\n')}\n`);
    for (const one of this.packages) {
      const dependencies = this.#dependencies(one.install);
      const folder = join(place, 'packages', one.short);
      write(folder, 'package.json', { name: `try-${one.short}`, private: true, type: 'module', dependencies });
      writeLoaders(folder, one);
      writeTypes(folder, one);
    }
    await pnpm(['install', '--prefer-offline', '--reporter=append-only'], { cwd: place });
    return place;
  }

  /** Programs that the tests need beside the repository's own: other compilers, bundlers and Nodes. */
  async tools(dependencies: Readonly<Record<string, string>>): Promise<string> {
    const place = join(this.folder, 'tools');
    write(place, 'package.json', { private: true, dependencies });
    await must('npm', ['install', ...quiet], { cwd: place });
    return place;
  }
}

/** Programs that name the types of each entry. */
function writeTypes(folder: string, { entries }: Tried): void {
  const imports = entries.map(
    (entry, i) => `import * as entry${i} from '${entry}';\nexport type E${i} = typeof entry${i};\n`,
  );
  const requires = entries.map(
    (entry, i) => `import entry${i} = require('${entry}');\nexport type E${i} = typeof entry${i};\n`,
  );
  write(folder, 'types.mts', `${imports.join('')}export {};\n`);
  write(folder, 'types.cts', `${requires.join('')}export {};\n`);
}

/** Node of this process, by its major version. */
export const thisNode = Number.parseInt(process.versions.node, 10);
export const nodeOf = (tools: string, major: number): string =>
  major === thisNode ? process.execPath : join(tools, 'node_modules', `node${major}`, 'bin/node');

export const isInstalled = (folder: string, name: string): boolean => {
  try {
    return readManifest(join(folder, 'node_modules', name)).version !== undefined;
  } catch {
    return false;
  }
};
