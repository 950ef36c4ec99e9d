import { constants } from 'node:fs';
import { copyFile, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { headers } from './compile.ts';
import { installError } from './install-error.ts';
import { type Context, downloadWheel } from './pip.ts';
import { openWheel, type Wheel } from './wheel.ts';

/** Folders, in this order of trial, in which an unpacked TensorFlow keeps a kind of file. */
const places = { libraries: ['.', 'lib', 'tensorflow'], headers: ['include', 'tensorflow/include', '.'] };
const library = /^libtensorflow(_cc|_framework)?\.so\.2$/;

/** A requirement as a person reads it: `tensorflow-cpu 2.21.0`. */
const plain = (requirement: string): string => requirement.replace('==', ' ');

/**
 * Downloads TensorFlow's wheel and unpacks the two libraries into `folder/tensorflow` and the headers into `include`.
 * With `cuda`, also the wheels of the CUDA libraries that it names, into `folder/nvidia`, where it looks for them.
 */
export async function unpackFromPip(
  python: string,
  requirement: string,
  { folder, include, cuda }: { folder: string; include: string; cuda: boolean },
  context: Context,
): Promise<string> {
  const { say, signal } = context;
  const downloads = `${folder}.downloads`;
  say(`downloading ${plain(requirement)} ...`);
  const path = await downloadWheel(python, requirement, downloads, context);
  say(`unpacking ${Math.round((await stat(path)).size / 1e6)} MB ...`);
  const wheel = await openWheel(path);
  try {
    for (const member of wheel.members) {
      if (dirname(member) === 'tensorflow' && library.test(basename(member)))
        await wheel.extract(member, folder, signal);
    }
    if (!wheel.members.has('tensorflow/libtensorflow_cc.so.2')) {
      throw installError(
        basename(path),
        'without libtensorflow_cc.so.2',
        'a wheel that holds it',
        'Is it the one meant?',
      );
    }
    await unpackHeaders(wheel, include);
    if (cuda) {
      for (const needed of cudaRequirements(await wheel.text(metadata(wheel)))) {
        await unpackCuda(python, needed, folder, context);
      }
    }
    return basename(path);
  } finally {
    wheel.close();
    await rm(downloads, { recursive: true, force: true });
  }
}

const metadata = (wheel: Wheel): string => [...wheel.members].find((name) => name.endsWith('.dist-info/METADATA'))!;

/** The CUDA wheels that a TensorFlow wheel's METADATA names, as pip takes them. */
export function cudaRequirements(text: string): string[] {
  const key = 'Requires-Dist: ';
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${key}nvidia-`) && line.includes(';') && /extra == ["']and-cuda["']/.test(line))
    .map((line) => line.slice(key.length, line.indexOf(';')).replace(/[()\s]/g, ''));
}

async function unpackCuda(python: string, requirement: string, folder: string, context: Context): Promise<void> {
  const downloads = `${folder}.downloads-cuda`;
  context.say(`downloading ${requirement} ...`);
  const wheel = await openWheel(await downloadWheel(python, requirement, downloads, context));
  try {
    for (const member of wheel.members) {
      if (/^nvidia\/.*(\.so[.\d]*|\.bc|\/ptxas)$/.test(member)) await wheel.extract(member, folder, context.signal);
    }
  } finally {
    wheel.close();
    await rm(downloads, { recursive: true, force: true });
  }
}

/** Unpacks the headers that the binding names and all that these include: 14 of the wheel's 13,000. */
async function unpackHeaders(wheel: Wheel, include: string): Promise<void> {
  const wanted = [...headers];
  for (const header of wanted) {
    const member = `tensorflow/include/${header}`;
    // A header of the system, or one behind an #if for another one.
    if (!wheel.members.has(member)) continue;
    await wheel.extract(member, join(include, '..', '..'));
    for (const [, name] of (await wheel.text(member)).matchAll(/^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"/gm)) {
      if (!wanted.includes(name!)) wanted.push(name!);
    }
  }
}

/**
 * Copies the libraries of a TensorFlow that the user has unpacked into `folder/tensorflow`. Known layouts: the C library's
 * archive (`lib`, `include`), a wheel's content (`tensorflow`), and the folder `tensorflow` of a Python environment.
 *
 * @returns the folder of its headers
 */
export async function copyFromFolder(from: string, folder: string): Promise<string> {
  for (const place of places.libraries) {
    const names = (await readdir(join(from, place)).catch(() => [])).filter((name) => library.test(name));
    if (names.length === 0) continue;
    await mkdir(join(folder, 'tensorflow'), { recursive: true });
    for (const name of names) {
      await copyFile(join(from, place, name), join(folder, 'tensorflow', name), constants.COPYFILE_FICLONE);
    }
    for (const include of places.headers) {
      if (await stat(join(from, include, headers[0]!)).catch(() => undefined)) return join(from, include);
    }
    throw installError(
      '--from',
      from,
      `a folder that also has include/${headers[0]}`,
      'Name the folder of a whole TensorFlow.',
    );
  }
  throw installError(
    '--from',
    from,
    'a folder with libtensorflow*.so.2 in it, in lib or in tensorflow',
    'Check the path.',
  );
}
