// The repository's front door: `npm run demo | train | data | bench | docs | fuzz | torture | release:dry | test:packages | licenses` and
// `npm test` on a machine that has only Node and npm.
// Plain JavaScript without dependencies, because it is what installs them.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const stamp = join(root, 'node_modules', '.protomem-lockfile');
const windows = process.platform === 'win32';

const say = (text) => console.log(`[protomem] ${text}`);

function stop(text) {
  console.error(`[protomem] ${text}`);
  process.exit(1);
}

/** The program at work, and the first signal that asked for its end: it ends in order, and this process after it. */
let child;
let asked;
function end(signal) {
  asked ??= signal;
  child?.kill(signal);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, end);

/** The parent's number; of npm's shell, where that stays between (dash does), its parent's too. */
function parents() {
  try {
    const line = readFileSync(`/proc/${process.ppid}/stat`, 'utf8');
    const [, name, above] = /\((.*)\) \S+ (\d+)/s.exec(line);
    if (/^(da|ba|z|k)?sh$/.test(name)) return `${process.ppid} ${above}`;
  } catch {} // No Linux.
  return String(process.ppid);
}

// npm passes on no SIGHUP, and nothing when it is killed; its shell passes on nothing at all. But then parents change.
const atStart = parents();
if (process.env.npm_lifecycle_event) setInterval(() => parents() === atStart || end('SIGHUP'), 500).unref();

function run(command, args, options = {}) {
  // Local programs are found as npm scripts find them.
  const path = `${join(root, 'node_modules', '.bin')}${delimiter}${process.env.PATH}`;
  const env = { ...process.env, PATH: path, TURBO_TELEMETRY_DISABLED: '1', ...options.env };
  child = spawn(command, args, { cwd: root, stdio: 'inherit', shell: windows, ...options, env });
  return new Promise((resolve) => {
    child.on('error', (error) => {
      say(`${command}: ${error.message}`);
      resolve(1);
    });
    child.on('close', (code, signal) => {
      const status = code ?? 128 + constants.signals[signal];
      if (asked && status !== 0) process.exit(status);
      resolve(status);
    });
  });
}

/** Runs a TypeScript source with the packages' sources in place of their builds. */
const source = (file, args) =>
  run(process.execPath, ['--import', 'tsx', '--conditions=@protomem/source', file, ...args]);

const pnpm = (args) => run('npx', ['--yes', manifest.packageManager, ...args]);

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  stop(`Node ${process.versions.node} is too old: install Node ${manifest.engines.node} and run the command again.`);
}

async function setUpDependencies() {
  const lockfile = createHash('sha256')
    .update(readFileSync(join(root, 'pnpm-lock.yaml')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lockfile) return;
  say(`installing dependencies with ${manifest.packageManager} (once) ...`);
  if ((await pnpm(['install', '--frozen-lockfile'])) !== 0) {
    stop('the dependencies could not be installed. Is the npm registry reachable? Then run the command again.');
  }
  writeFileSync(stamp, lockfile);
}

async function setUpEngine() {
  // Says itself what it does, and returns at once when there is nothing to do.
  if ((await source('packages/native/src/cli.ts', ['install'])) !== 0) {
    say('no native TensorFlow here: going on with the WebAssembly engine, which is slower.');
  }
}

const checks = [
  ['format and lint (biome)', () => run('biome', ['ci', '.'])],
  ['types (tsc)', () => run('tsc', ['--noEmit', '-p', 'tsconfig.json'])],
  // With those of browsers.
  ["types of the site's page (tsc)", () => run('tsc', ['--noEmit', '-p', 'apps/docs'])],
  ['compiled loops (AssemblyScript)', () => source('scripts/assembly/build.ts', ['--check'])],
  ['who may import whom (turbo boundaries)', () => run('turbo', ['boundaries'])],
  [
    'builds, publint, are the types wrong (turbo)',
    () => pnpm(['exec', 'turbo', 'run', 'build', 'check:package', '--output-logs=errors-only']),
  ],
  ['unused files, exports, dependencies (knip)', () => run('knip', [])],
  ['tarballs in blank projects (short form of test:packages)', () => testPackages(['--short'])],
];

async function test(args) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [name, check] of args.length > 0 ? [] : checks) {
    const start = performance.now();
    say(`check: ${name}`);
    const passed = (await check()) === 0;
    counts[passed ? 'passed' : 'failed']++;
    say(`${passed ? 'passed' : 'FAILED'}: ${name}, ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
  const folder = mkdtempSync(join(tmpdir(), 'protomem-test-'));
  const file = join(folder, 'counts.json');
  say('check: tests (vitest)');
  const status = await run('vitest', ['run', ...args], { env: { PROTOMEM_TEST_COUNTS: file } });
  const tests = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { passed: 0, failed: 1, skipped: 0 };
  rmSync(folder, { recursive: true });
  for (const key of Object.keys(counts)) counts[key] += tests[key];
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed === 0 ? 0 : 1;
}

/** Test files that try a parser on damaged inputs. */
const fuzzed = () =>
  readdirSync(join(root, 'packages'), { recursive: true })
    .map((name) => join('packages', name))
    .filter((name) => name.endsWith('.test.ts') && !name.includes('node_modules'))
    .filter((name) => readFileSync(join(root, name), 'utf8').includes('fuzzTimeout'));

/** Parsers on damaged inputs, many more than the tests take, and others each time: for the night. */
async function fuzz([inputs = '100000', seed = String(Math.floor(Date.now() / 1000)), ...more]) {
  if (more.length > 0 || ![inputs, seed].every((text) => /^[1-9]\d*$/.test(text))) {
    say('use: npm run fuzz -- [INPUTS [SEED]], two positive integers (default 100000 inputs, another seed each time)');
    return 2;
  }
  say(`${inputs} damaged inputs for each parser (less for those that take long), seed ${seed}`);
  const folder = mkdtempSync(join(tmpdir(), 'protomem-fuzz-'));
  const report = join(folder, 'figures.jsonl');
  writeFileSync(report, '');
  const env = { PROTOMEM_FUZZ: inputs, PROTOMEM_FUZZ_SEED: seed, PROTOMEM_FUZZ_REPORT: report };
  // One after the other: who is slow is to be slow by itself.
  const options = ['--testNamePattern', 'damaged', '--no-file-parallelism'];
  const status = await run('vitest', ['run', ...options, ...fuzzed()], { env });
  const lines = readFileSync(report, 'utf8').split('\n').filter(Boolean);
  rmSync(folder, { recursive: true });
  const at = ([amount, input], unit) => `${amount.toFixed(1)} ${unit} (input ${input})`;
  const rows = lines
    .map((line) => JSON.parse(line))
    .map((one) => [
      one.parser,
      one.inputs,
      one.refused,
      one.read,
      one.failures,
      at(one.slowest, 'ms'),
      at(one.memory, 'MiB'),
    ]);
  const head = ['parser', 'inputs', 'refused in one line', 'read', 'failures', 'slowest input', 'most memory for one'];
  console.log('');
  for (const row of [head, head.map(() => '---'), ...rows]) console.log(`| ${row.join(' | ')} |`);
  return status;
}

/** The site, in `apps/docs/dist`: `npm run docs`, or with `-- --open` also served. Needs no network. */
async function docs(args) {
  if (args.some((arg) => arg !== '--open')) {
    say('use: npm run docs [-- --open]');
    return 2;
  }
  const site = join(root, 'apps/docs');
  const vitepress = (command) => run(join(site, 'node_modules/.bin/vitepress'), [command], { cwd: site });
  const status = (await source('apps/docs/scripts/api.ts', [])) || (await vitepress('build'));
  return status === 0 && args.length > 0 ? vitepress('preview') : status;
}

const protomem = (args) => source('apps/train/src/cli.ts', args);

const testPackages = (args) => source('scripts/packages/test-packages.ts', args);

const commands = {
  demo: (args) => protomem(['demo', ...args]),
  // Both take any command of `protomem`: these two names are older than it.
  train: protomem,
  data: protomem,
  bench: (args) => source('apps/benchmark/src/cli.ts', args),
  test,
  fuzz,
  docs,
  torture: (args) => source('apps/train/scripts/torture/torture.ts', args),
  release: (args) => source('scripts/release/release.ts', args),
  'test:packages': testPackages,
  licenses: (args) => source('scripts/release/licenses.ts', args),
};
/** Commands that need no engine, nor does a question. */
const withoutEngine = ['docs', 'release', 'test:packages', 'licenses'];
const questions = ['--help', '-h', '--version', '--options', '--print'];

const [name, ...args] = process.argv.slice(2);
if (!Object.hasOwn(commands, name)) stop(`unknown command "${name}": use one of ${Object.keys(commands).join(', ')}.`);
checkNode();
await setUpDependencies();
if (!withoutEngine.includes(name) && !args.some((arg) => questions.includes(arg))) await setUpEngine();
if (asked) process.exit(128 + constants.signals[asked]);
process.exit(await commands[name](args));
