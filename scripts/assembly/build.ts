import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';
import { flagsOf, root, say } from '../house.ts';

const { check } = flagsOf(
  'npx tsx scripts/assembly/build.ts [--check]',
  "Compiles the packages' AssemblyScript into their sources.",
  { check: 'write nothing: say whether the sources have it as it is compiled' },
);

interface Build {
  readonly package: string;
  /** A module of that package, and what it exports: a name, what it is, and options of the compiler. */
  readonly target: string;
  readonly modules: Readonly<Record<string, readonly [about: string, ...options: string[]]>>;
}

const builds: readonly Build[] = [
  {
    package: 'engine',
    target: 'src/backends/wasm/loops-module.ts',
    // The memory belongs to the backend. A module says whether it is shared between threads: one module for each.
    modules: {
      aloneModule: ['The compiled loops, for a heap of one thread.', '--importMemory'],
      sharedModule: [
        'The compiled loops, for a heap that threads share.',
        ...['--importMemory', '--sharedMemory', '--maximumMemory', '65536', '--enable', 'threads'],
      ],
    },
  },
  {
    package: 'data',
    target: 'src/augment/images-module.ts',
    modules: { imagesModule: ['The compiled loops over the pixels of an image.'] },
  },
];

async function sourceOf({ package: name, modules }: Build): Promise<string> {
  const folder = join(root, 'packages', name, 'assembly');
  const files = await readdir(folder);
  const sources = new Map<string, string>();
  for (const file of files) sources.set(file, await readFile(join(folder, file), 'utf8'));
  let text = '// Made by scripts/assembly/build.ts from assembly/.\n';
  for (const [constant, [about, ...options]] of Object.entries(modules)) {
    text += `\n/** ${about} */\nexport const ${constant} =\n  '${await compile(sources, options)}';\n`;
  }
  return text;
}

/** From index.ts: with SIMD, without data, heap or stack of its own. */
async function compile(sources: ReadonlyMap<string, string>, options: readonly string[]): Promise<string> {
  let binary: Uint8Array | undefined;
  const all = ['index.ts', '-o', 'out.wasm', '-O3', '--noAssert', '--runtime', 'stub', '--use', 'abort='];
  const { error, stderr } = await asc.main([...all, '--initialMemory', '1', '--enable', 'simd', ...options], {
    readFile: (name) => sources.get(name) ?? null,
    writeFile: (_, contents) => {
      binary = contents as Uint8Array;
    },
    listFiles: () => [],
  });
  if (error || !binary) throw new Error(`AssemblyScript: ${error?.message}\n${stderr}`);
  return Buffer.from(binary).toString('base64');
}

for (const build of builds) {
  const target = join('packages', build.package, build.target);
  const made = await sourceOf(build);
  const isSame = (await readFile(join(root, target), 'utf8').catch(() => '')) === made;
  if (!isSame && !check) await writeFile(join(root, target), made);
  if (!isSame && check) process.exitCode = 1;
  say(
    `${target}: ${isSame ? 'as it is compiled' : check ? 'is not what assembly/ compiles to: run npx tsx scripts/assembly/build.ts' : 'written'}`,
  );
}
