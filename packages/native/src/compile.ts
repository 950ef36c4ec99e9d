import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import {
  type InstalledPackage,
  type InstructionSet,
  instructionSets,
  nodeApi,
  trainingOpsFile,
} from '@protomem/engine/installs';
import { installError, throwIfDiskFull } from './install-error.ts';
import type { Context } from './pip.ts';
import { type CommandResult, runCommand } from './run-command.ts';

const require = createRequire(import.meta.url);
const { include_dir: nodeHeaders } = require('node-api-headers') as { include_dir: string };

/** Headers of libtensorflow that the binding's sources name; what these include comes with them. */
export const headers = [
  'tensorflow/c/c_api.h',
  'tensorflow/c/eager/c_api.h',
  'tensorflow/c/kernels.h',
  'tensorflow/c/ops.h',
  'tensorflow/core/platform/ctstring_internal.h',
];

/** Calls of the binding that go through `cpp/collectives.cc`. */
const wrapped = ['NewContext', 'NewOp', 'OpSetAttrFloat', 'Execute', 'TensorHandleNumDims', 'TensorHandleDim'].map(
  (name) => `TFE_${name}`,
);

/** What makes the compiler use them. */
const compilerFlags: Readonly<Record<InstructionSet, readonly string[]>> = {
  'x86-64-v4': ['-march=x86-64-v4', '-mprefer-vector-width=512'],
  'x86-64-v3': ['-march=x86-64-v3'],
  arm64: [],
};

/** The C++ compiler: `CXX`, with arguments where it has some, such as `ccache g++`; else the first that is there. */
export async function findCompiler(): Promise<string> {
  const own = process.env.CXX?.trim();
  const candidates = own ? [own] : ['g++', 'c++', 'clang++'];
  for (const compiler of candidates) {
    if ((await runCompiler(compiler, ['--version'])).code === 0) return compiler;
  }
  throw installError(
    'a C++ compiler',
    'missing',
    `one of ${candidates.join(', ')}, to compile the binding of tfjs-node`,
    'Install one (Debian, Ubuntu: apt install g++; Fedora: dnf install gcc-c++), or set CXX to it.',
  );
}

/** Runs what {@link findCompiler} gives. */
export function runCompiler(
  compiler: string,
  args: readonly string[],
  options?: Parameters<typeof runCommand>[2],
): Promise<CommandResult> {
  const [command, ...first] = compiler.split(/\s+/);
  return runCommand(command!, [...first, ...args], options);
}

/**
 * Compiles the binding that the npm package ships, with `cpp/collectives.cc`, against the libtensorflow in
 * `folder/tensorflow`, into `folder/tfjs_binding.node`, and beside it `preload.node`, which keeps the library's load quiet, and the ops of
 * `cpp/training_ops.cc` for each kind of processor. All find the library by their own place, so the folder can be moved.
 * The ops are not needed to train: where they do not compile, that is said and no more.
 */
export async function compileBinding(
  compiler: string,
  { folder: sources }: InstalledPackage,
  folder: string,
  include: string,
  { say, signal }: Context,
): Promise<void> {
  const libraries = readdirSync(join(folder, 'tensorflow')).filter((name) => name.startsWith('libtensorflow'));
  const main = libraries.find((name) => !name.includes('framework'))!;
  const flags = ['-std=c++17', '-fPIC', '-shared', `-DNAPI_VERSION=${nodeApi}`, `-I${nodeHeaders}`, `-I${include}`];
  const ours = join(require.resolve('@protomem/native/package.json'), '..', 'cpp');
  const linked = [...libraries.map((name) => join(folder, 'tensorflow', name)), '-Wl,-rpath,$ORIGIN/tensorflow'];
  const compilations = [
    [
      '-O2',
      ...['tfjs_backend.cc', 'tfjs_binding.cc'].map((file) => join(sources, 'binding', file)),
      join(ours, 'collectives.cc'),
      ...wrapped.map((name) => `-Wl,--wrap=${name}`),
      ...linked,
      ...['-o', join(folder, 'tfjs_binding.node')],
    ],
    [
      '-O2',
      `-DLIBTENSORFLOW="$ORIGIN/tensorflow/${main}"`,
      join(ours, 'preload.cc'),
      '-ldl',
      ...['-o', join(folder, 'preload.node')],
    ],
    ...instructionSets().map((set) => [
      ...['-O3', '-fno-math-errno', '-fno-trapping-math', ...compilerFlags[set]],
      join(ours, 'training_ops.cc'),
      ...linked,
      ...['-o', join(folder, trainingOpsFile(set))],
    ]),
  ];
  const results = await Promise.all(
    compilations.map((args) =>
      runCompiler(compiler, [...flags, ...args], { signal, env: { ...process.env, TMPDIR: folder } }),
    ),
  );
  signal?.throwIfAborted();
  for (const [i, { code, stderr }] of results.entries()) {
    if (code === 0) continue;
    throwIfDiskFull(stderr, folder);
    const firstError = stderr.split('\n').find((line) => /error|undefined|cannot/i.test(line)) ?? stderr;
    const reason = `not compiled: ${firstError.trim()}`;
    if (i < 2) throw installError('the binding', reason, `${compiler} to compile it`, 'Try another CXX.');
    say(`the ops for training, ${reason}; it goes on without them, more slowly.`);
  }
}
