// Compiles assembly/training-kernels.ts and writes the result into the sources: npx tsx scripts/build-wasm-kernels.ts
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const source = new URL('../assembly/training-kernels.ts', import.meta.url);
const target = new URL('../src/backends/wasm/simd-module.ts', import.meta.url);

/** The source of src/backends/wasm/simd-module.ts as it should be. */
export async function compileModule(): Promise<string> {
  const text = await readFile(source, 'utf8');
  // A module says whether the memory that it is given is shared between threads: one module for each.
  const alone = await compile(text, []);
  const shared = await compile(text, ['--sharedMemory', '--maximumMemory', '65536', '--enable', 'threads']);
  return `// Made by scripts/build-wasm-kernels.ts from assembly/training-kernels.ts.

/** The compiled loops, for a heap of one thread. */
export const aloneModule =
  '${alone}';

/** The compiled loops, for a heap that threads share. */
export const sharedModule =
  '${shared}';
`;
}

async function compile(text: string, options: string[]): Promise<string> {
  let binary: Uint8Array | undefined;
  // No data, no heap and no stack of its own: the memory belongs to the backend.
  const all = ['kernels.ts', '-o', 'out.wasm', '-O3', '--noAssert', '--runtime', 'stub', '--use', 'abort='];
  const { error, stderr } = await asc.main(
    [...all, '--importMemory', '--initialMemory', '1', '--enable', 'simd', ...options],
    {
      readFile: (name) => (name === 'kernels.ts' ? text : null),
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
