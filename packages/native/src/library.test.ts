import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeWheel } from '../fixtures/make-wheel.ts';
import { copyFromFolder, cudaRequirements, unpackFromPip } from './library.ts';
import { findPip } from './pip.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'protomem-library-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const quiet = { say: () => undefined };

/** A `python3` whose pip does what the shell lines say; its arguments are in `$*`. */
function fakePython(lines: string): string {
  const path = join(folder, 'python3');
  writeFileSync(path, `#!/bin/sh\n${lines}\n`);
  chmodSync(path, 0o755);
  return path;
}

const members = {
  'tensorflow/libtensorflow_cc.so.2': 'library',
  'tensorflow/libtensorflow_framework.so.2': 'framework',
  'tensorflow/python/huge.so': 'not wanted',
  'tensorflow/include/tensorflow/c/c_api.h': '#include <stdint.h>\n#include "tensorflow/c/tf_status.h"\n',
  'tensorflow/include/tensorflow/c/tf_status.h': '#ifdef X\n#include "windows.h"\n#endif\n',
  'tensorflow/include/tensorflow/c/eager/c_api.h': '#include "tensorflow/c/c_api.h"\n',
  'tensorflow/include/tensorflow/core/platform/ctstring_internal.h': '',
  'tensorflow/include/unused.h': '',
};

describe('unpackFromPip', () => {
  const unpack = (python: string) => {
    const places = { folder: join(folder, 'built'), include: join(folder, 'h', 'tensorflow', 'include'), cuda: false };
    return unpackFromPip(python, 'tensorflow-cpu==1', places, quiet);
  };

  it('takes the wheel of any Python, and of it the libraries and the headers that the binding includes', async () => {
    writeFileSync(join(folder, 'fake.whl'), makeWheel(members));
    const python = fakePython(`
      for a; do case "$a" in --dest=*) dest="\${a#--dest=}";; --python-version=*) version="\${a#*=}";; esac; done
      [ "$version" = 3.11 ] || { echo "ERROR: No matching distribution found" >&2; exit 1; }
      cp "${folder}/fake.whl" "$dest/fake-cp311.whl"`);
    expect(await unpack(python)).toBe('fake-cp311.whl');
    expect(readFileSync(join(folder, 'built/tensorflow/libtensorflow_cc.so.2'), 'utf8')).toBe('library');
    expect(existsSync(join(folder, 'built/tensorflow/python'))).toBe(false);
    expect(existsSync(join(folder, 'h/tensorflow/include/tensorflow/c/tf_status.h'))).toBe(true);
    expect(existsSync(join(folder, 'h/tensorflow/include/unused.h'))).toBe(false);
    expect(existsSync(join(folder, 'built.downloads'))).toBe(false);
  });

  it.each([
    ['NewConnectionError: Name or service not known', /no package index answers/],
    ['ERROR: Could not install: [Errno 28] No space left on device', /the disk is "full"/],
    ['ERROR: No matching distribution found for tensorflow-cpu==1', /No matching distribution found/],
    ['ERROR: HTTP error 403\n\n[notice] A new release of pip is available', /pip says: ERROR: HTTP error 403\. Look/],
    [
      'WARNING: Retrying after SSLError: Max retries exceeded (CERTIFICATE_VERIFY_FAILED)\nERROR: No matching distribution',
      /no package index answers.*pip says: WARNING.*CERTIFICATE_VERIFY_FAILED\) \.\.\. ERROR: No matching distribution/,
    ],
    ['', /pip says: nothing, ended by exit code 1/],
  ])('says what keeps pip from it, with its own last line: %j', async (message, expected) => {
    await expect(unpack(fakePython(`printf '%s\\n' '${message}' >&2; exit 1`))).rejects.toThrow(expected);
  });

  it('tells what went wrong for one Python rather than that another has no wheel', async () => {
    const python = fakePython(`
      case "$*" in *=3.11*) echo "ERROR: hashes differ" >&2;; *) echo "ERROR: No matching distribution found" >&2;; esac
      exit 1`);
    await expect(unpack(python)).rejects.toThrow(/pip says: ERROR: hashes differ/);
  });

  it('refuses a wheel without the library', async () => {
    writeFileSync(join(folder, 'fake.whl'), makeWheel({ 'tensorflow/__init__.py': '' }));
    const python = fakePython(`
      for a; do case "$a" in --dest=*) cp "${folder}/fake.whl" "\${a#--dest=}/fake.whl";; esac; done`);
    await expect(unpack(python)).rejects.toThrow(/without libtensorflow_cc\.so\.2/);
  });
});

it('says that pip is missing', async () => {
  const { PATH } = process.env;
  process.env.PATH = folder;
  try {
    await expect(findPip()).rejects.toThrow(/pip is "missing".*apt install python3-pip/);
    fakePython('echo pip 1; exit 0');
    expect(await findPip()).toBe('python3');
  } finally {
    process.env.PATH = PATH;
  }
});

it.each([
  ['the C library', 'lib', 'include'],
  ['a Python environment', '.', 'include'],
  ['an unpacked wheel', 'tensorflow', 'tensorflow/include'],
])('copies from the layout of %s', async (_, libraries, include) => {
  const from = join(folder, 'from');
  mkdirSync(join(from, libraries), { recursive: true });
  writeFileSync(join(from, libraries, 'libtensorflow.so.2'), 'library');
  writeFileSync(join(from, libraries, 'libother.so.2'), '');
  await expect(copyFromFolder(from, join(folder, 'to'))).rejects.toThrow(/include\/tensorflow\/c\/c_api\.h/);
  mkdirSync(join(from, include, 'tensorflow/c'), { recursive: true });
  writeFileSync(join(from, include, 'tensorflow/c/c_api.h'), '');
  expect(await copyFromFolder(from, join(folder, 'to'))).toBe(join(from, include));
  expect(readFileSync(join(folder, 'to/tensorflow/libtensorflow.so.2'), 'utf8')).toBe('library');
  expect(existsSync(join(folder, 'to/tensorflow/libother.so.2'))).toBe(false);
});

it('refuses a folder without the library', async () => {
  await expect(copyFromFolder(folder, join(folder, 'to'))).rejects.toThrow(/libtensorflow\*\.so\.2/);
});

it('reads the CUDA wheels from METADATA', () => {
  const metadata = `
Requires-Dist: numpy>=1.26.0
Requires-Dist: nvidia-cublas-cu12<13.0,>=12.5.3.2; extra == "and-cuda"
Requires-Dist: nvidia-nccl-cu12 (<3.0,>=2.27.7) ; extra == 'and-cuda'
Requires-Dist: nvidia-other; extra == "else"`;
  expect(cudaRequirements(metadata)).toEqual(['nvidia-cublas-cu12<13.0,>=12.5.3.2', 'nvidia-nccl-cu12<3.0,>=2.27.7']);
});
