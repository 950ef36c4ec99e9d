// Compiles assembly/ and writes the result into the sources: npx tsx scripts/build-wasm-kernels.ts
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const folder = new URL('../assembly/', import.meta.url);
const target = new URL('../src/backends/wasm/loops-module.ts', import.meta.url);

/** The source of src/backends/wasm/loops-module.ts as it should be. */
export async function compileModule(): Promise<string> {
  const names = await readdir(folder);
  const sources = new Map<string, string>();
  for (const name of names) sources.set(name, await readFile(new URL(name, folder), 'utf8'));
  // A module says whether the memory that it is given is shared between threads: one module for each.
  const alone = await compile(sources, []);
  const shared = await compile(sources, ['--sharedMemory', '--maximumMemory', '65536', '--enable', 'threads']);
  return `// Made by scripts/build-wasm-kernels.ts from assembly/.

/** The compiled loops, for a heap of one thread. */
export const aloneModule =
  '${alone}';

/** The compiled loops, for a heap that threads share. */
export const sharedModule =
  '${shared}';
`;
}

async function compile(sources: ReadonlyMap<string, string>, options: string[]): Promise<string> {
  let binary: Uint8Array | undefined;
  // No data, no heap and no stack of its own: the memory belongs to the backend.
  const all = ['index.ts', '-o', 'out.wasm', '-O3', '--noAssert', '--runtime', 'stub', '--use', 'abort='];
  const { error, stderr } = await asc.main(
    [...all, '--importMemory', '--initialMemory', '1', '--enable', 'simd', ...options],
    {
      readFile: (name) => sources.get(name) ?? null,
      writeFile: (_, contents) => {
        binary = contents as Uint8Array;
      },
      listFiles: () => [],
    },
  );
  if (error || !binary) throw new Error(`AssemblyScript: ${error?.message}\n${stderr}`);
  return Buffer.from(binary).toString('base64');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(target, await compileModule());
