import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { flagsOf, must, pnpm, publicPackages, readManifest, root, run, say } from '../house.ts';
import { faultsOf, type Packed, packAll } from './pack.ts';

/**
 * `npm run release:dry`: everything that a release does, in a copy of the last commit, up to `npm publish --dry-run`.
 * `npm run release`: the same of this checkout, and what is not on the registry yet is published; for the workflow.
 */
const { dry } = flagsOf(
  'npm run release:dry, or in the workflow npm run release',
  'Makes the tarballs, checks them and publishes those whose version the registry does not have.',
  { dry: 'in a copy of the last commit with the next versions, publishing nothing' },
);
const { repository } = readManifest(root);
const temporary = mkdtempSync(join(tmpdir(), 'protomem-release-'));
process.on('exit', () => rmSync(temporary, { recursive: true, force: true }));

async function main(): Promise<void> {
  if (!repository) {
    const todo = 'fill in "repository": { "type": "git", "url": "git+https://....git" } in package.json of the root';
    if (!dry) return refuse(`no package says where its source is: ${todo}.`);
    say(`repository, homepage and bugs are left out of the packages, and a release is refused, until you ${todo}.`);
  }
  if (!dry && !process.env.ACTIONS_ID_TOKEN_REQUEST_URL) {
    return refuse('packages are published by the workflow, which proves their provenance. Try `npm run release:dry`.');
  }
  const checkout = dry ? await copyOfCommit() : root;
  say('building ...');
  // A worktree's cache is that of its repository; builds do not depend on versions.
  const common = (await must('git', ['rev-parse', '--git-common-dir'])).trim();
  const cache = resolve(root, common, '../.turbo/cache');
  const build = ['exec', 'turbo', 'run', 'build', '--output-logs=errors-only', `--cache-dir=${cache}`];
  await pnpm(build, { cwd: checkout });
  if (dry) await makeVersions(checkout);
  const tarballs = join(temporary, 'tarballs');
  const packed = await packAll(tarballs, checkout);
  say(`checking ${packed.length} tarballs: contents, publint, are the types wrong ...`);
  const faults = (await Promise.all(packed.map(check))).flat();
  if (faults.length > 0) return refuse(`not fit to be published:\n${faults.join('\n')}`);
  for (const one of packed) await publish(one);
  const rows = packed.map(({ name, version, bytes, files, sha256 }) => [
    `${name}@${version}`,
    `${(bytes / 1024).toFixed(1)} KiB`,
    `${files.length} files`,
    `sha256 ${sha256.slice(0, 16)}`,
  ]);
  for (const row of rows) console.log(row.map((cell, i) => cell.padEnd([32, 12, 10, 0][i]!)).join(' '));
  say(`${packed.length} packages ${dry ? 'could be published' : 'are on the registry'}`);
}

function refuse(text: string): void {
  console.error(`[protomem] release: ${text}`);
  process.exitCode = 1;
}

async function copyOfCommit(): Promise<string> {
  const checkout = join(temporary, 'checkout');
  const changed = (await must('git', ['status', '--porcelain'])).split('\n').filter(Boolean).length;
  if (changed > 0) say(`${changed} files are not committed: the copy has them as they were in the last commit.`);
  say('a copy of the last commit, and its dependencies ...');
  await must('git', ['clone', '--quiet', '--no-hardlinks', root, checkout]);
  await pnpm(['install', '--frozen-lockfile', '--prefer-offline'], { cwd: checkout });
  return checkout;
}

/** The waiting changesets become versions and CHANGELOGs. */
async function makeVersions(checkout: string): Promise<void> {
  const waiting = readdirSync(join(checkout, '.changeset')).filter((name) => /^(?!README).*\.md$/.test(name));
  const before = new Map(publicPackages(checkout).map(({ manifest }) => [manifest.name, manifest.version]));
  await must('changeset', ['version'], { cwd: checkout });
  for (const { directory, manifest } of publicPackages(checkout)) {
    const same = before.get(manifest.name) === manifest.version;
    const log = join(checkout, directory, 'CHANGELOG.md');
    if (same) continue;
    if (!existsSync(log) || !readFileSync(log, 'utf8').includes(`## ${manifest.version}`)) {
      throw new Error(`${directory}/CHANGELOG.md says nothing of ${manifest.version}`);
    }
  }
  say(`${waiting.length} changesets have become versions and CHANGELOGs`);
}

async function check(one: Packed): Promise<string[]> {
  const folder = join(temporary, 'unpacked', one.name);
  mkdirSync(folder, { recursive: true });
  await must('tar', ['-xzf', one.filename, '-C', folder, '--strip-components=1']);
  const tools = [await run('publint', ['run', one.filename, '--strict'])];
  // The command has no entries and so no types. `require` of ES modules works on every Node that `engines` allows.
  const profile = ['--profile', 'node16', '--ignore-rules', 'cjs-resolves-to-esm'];
  if (one.name !== 'protomem') tools.push(await run('attw', [one.filename, ...profile]));
  const told = tools.filter(({ code }) => code !== 0).map(({ output }) => output.trim());
  return [...faultsOf(one, folder), ...told].map((fault) => `${one.name}: ${fault}`);
}

async function publish({ name, version, filename }: Packed): Promise<void> {
  // publishConfig of each package says: for everybody, with provenance.
  if (dry) {
    await must('npm', ['publish', filename, '--dry-run', '--provenance', '--access', 'public']);
    return;
  }
  if ((await run('npm', ['view', `${name}@${version}`, 'version'])).stdout.trim() === version) return;
  await must('npm', ['publish', filename, '--provenance', '--access', 'public']);
  await must('git', ['tag', `${name}@${version}`]);
  // What the workflow's action looks for, to make a release of each tag.
  console.log(`New tag: ${name}@${version}`);
}

await main();
