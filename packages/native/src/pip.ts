import { mkdir, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ProtomemError } from '@protomem/core';
import { installError, throwIfDiskFull } from './install-error.ts';
import { type CommandResult, lastLine, runCommand } from './run-command.ts';

/** What the parts of an install share. */
export interface Context {
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal;
}

// Only the library inside the wheel is used, so any of these does, whichever Python the user has.
const pythonVersions = ['3.12', '3.11', '3.13', '3.10'];
const noNetwork =
  /NewConnectionError|ConnectTimeout|ReadTimeout|ConnectionError|Max retries exceeded|ProxyError|Name or service not known|Temporary failure in name resolution|Network is unreachable/;

const noWheel = /No matching distribution found/;

/** What pip says of its failure: its last line, and before it the one that names what keeps it from the network. */
function saidByPip({ stdout, stderr, code, signal }: CommandResult): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  // Advice to upgrade pip, which it puts behind the error.
  const errors = lines.filter((line) => line !== '' && !line.startsWith('[notice]'));
  const last = errors.at(-1) || lastLine(stdout) || `nothing, ended by ${signal ?? `exit code ${code}`}`;
  const cause = errors.findLast((line) => noNetwork.test(line));
  return `pip says: ${cause && cause !== last ? `${cause} ... ` : ''}${last.replace(/[.]?$/, '.')}`;
}

const orFolder = 'or unpack a TensorFlow elsewhere and name its folder with --from.';

/** The Python to call pip with. */
export async function findPip(): Promise<string> {
  for (const python of ['python3', 'python']) {
    if ((await runCommand(python, ['-m', 'pip', '--version'])).code === 0) return python;
  }
  throw installError(
    'pip',
    'missing',
    'a python3 that has it, to download TensorFlow',
    `Install it (Debian, Ubuntu: apt install python3-pip; Fedora: dnf install python3-pip), ${orFolder}`,
  );
}

/**
 * Downloads one wheel for this platform with the user's usual pip configuration (index, proxy, certificates, cache).
 *
 * @param requirement such as `tensorflow-cpu==2.21.0`
 * @param folder empty folder; pip's temporary files go there too, so that removing it removes everything
 * @returns path of the wheel
 */
export async function downloadWheel(
  python: string,
  requirement: string,
  folder: string,
  { say, signal }: Context,
): Promise<string> {
  const temporary = join(folder, 'tmp');
  await mkdir(temporary, { recursive: true });
  const env = { ...process.env, TMPDIR: temporary, PIP_DISABLE_PIP_VERSION_CHECK: '1' };
  const stopReporting = reportProgress(folder, say);
  let offline: CommandResult | undefined;
  let told: CommandResult | undefined;
  try {
    for (const version of pythonVersions) {
      const args = ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--progress-bar=off'];
      args.push('--implementation=cp', `--python-version=${version}`, `--dest=${folder}`);
      // An index that did not answer once need not be waited for again; another one may still have the next version.
      if (offline) args.push('--retries=0', '--timeout=5');
      const last = await runCommand(python, [...args, requirement], { env, signal });
      signal?.throwIfAborted();
      const wheel = last.code === 0 && (await readdir(folder)).find((name) => name.endsWith('.whl'));
      if (wheel) return join(folder, wheel);
      throwIfDiskFull(last.stderr, folder);
      if (noNetwork.test(last.stderr)) offline ??= last;
      // No wheel for one Python says less than what went wrong for another.
      if (!told || noWheel.test(lastLine(told.stderr))) told = last;
    }
  } finally {
    stopReporting();
  }
  if (offline) throw offlineError(requirement, 'downloaded', offline);
  throw installError(
    requirement,
    'not downloaded',
    `a wheel for ${process.platform} ${process.arch} in pip's index`,
    `${saidByPip(told!)} Look at \`${python} -m pip config list\`, ${orFolder}`,
  );
}

const offlineError = (requirement: string, done: string, result: CommandResult): ProtomemError =>
  installError(
    requirement,
    `not ${done}: no package index answers`,
    'a package index that pip reaches with its usual configuration',
    `${saidByPip(result)} Connect this machine, ${orFolder}`,
  );

/** The part of pip's report that is read (https://pip.pypa.io/en/stable/reference/installation-report/). */
interface PipReport {
  readonly install: readonly {
    readonly metadata: { readonly name: string };
    readonly download_info: { readonly url: string; readonly archive_info?: { readonly hash?: string } };
  }[];
}

/**
 * The wheels that a download would get, `name.whl, sha256=...`, by metadata alone where the index offers it.
 *
 * @param cuda also those of the CUDA libraries
 */
export async function resolveWheels(
  python: string,
  requirement: string,
  cuda: boolean,
  signal?: AbortSignal,
): Promise<string[]> {
  const wanted = cuda ? requirement.replace('==', '[and-cuda]==') : requirement;
  const platform = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  let last: CommandResult | undefined;
  for (const version of pythonVersions) {
    const args = [
      '-m',
      'pip',
      'install',
      '--dry-run',
      '--ignore-installed',
      '--quiet',
      '--report=-',
      '--target=unused',
    ];
    args.push('--only-binary=:all:', '--implementation=cp', `--python-version=${version}`);
    // Wheels of the CUDA libraries are tagged with an older glibc than TensorFlow's.
    for (const tag of ['2_27', '2_17', '2014', '2_5', '2010', '1']) {
      args.push(`--platform=manylinux${tag.includes('_') ? `_${tag}` : tag}_${platform}`);
    }
    last = await runCommand(python, [...args, wanted], { signal });
    signal?.throwIfAborted();
    if (noNetwork.test(last.stderr)) throw offlineError(wanted, 'resolved', last);
    if (last.code !== 0) continue;
    const { install } = JSON.parse(last.stdout) as PipReport;
    return install
      .filter(({ metadata: { name } }) => /^(tensorflow|nvidia)/.test(name))
      .map(({ download_info: { url, archive_info } }) => `${basename(url)}, ${archive_info?.hash ?? 'without a hash'}`);
  }
  throw installError(
    wanted,
    'not resolved',
    'wheels in an index that pip reaches with its usual configuration',
    `${saidByPip(last!)} Look at \`${python} -m pip config list\`, ${orFolder}`,
  );
}

/** A line every few seconds on how much has come, for slow lines. */
function reportProgress(folder: string, say: (line: string) => void): () => void {
  const timer = setInterval(async () => {
    const bytes = await folderSize(folder).catch(() => 0);
    if (bytes > 1e6) say(`  ${Math.round(bytes / 1e6)} MB so far`);
  }, 5000);
  timer.unref();
  return () => clearInterval(timer);
}

async function folderSize(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true });
  const sizes = await Promise.all(entries.map((name) => stat(join(folder, name))));
  return sizes.reduce((sum, entry) => sum + (entry.isFile() ? entry.size : 0), 0);
}
