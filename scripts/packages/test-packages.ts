import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { transform } from 'esbuild';
import { chromium, openPage } from '../../examples/fixtures/browser/chromium.ts';
import { pageEntries } from '../../examples/fixtures/browser/page-entries.ts';
import { type Example, examplesOf, type Ran, writeExamples } from '../../examples/fixtures/page-examples.ts';
import { flagsOf, type Ran as Process, root, run, say } from '../house.ts';
import { packAll } from '../release/pack.ts';
import { nodeOf, Projects, type Tried, thisNode, triedPackages } from './projects.ts';

/**
 * `npm run test:packages`: the packages as a stranger gets them, tarballs in blank projects. Prints and writes a table of what
 * works where. The short form, for `npm test`, leaves out other Nodes, compilers and bundlers than those at hand.
 */
const { short, keep } = flagsOf(
  'npm run test:packages -- [--short] [--keep]',
  'Installs the packages from tarballs in blank projects, and tries them there: a table of what works where.',
  { short: 'only the Node, compiler and bundler that are at hand', keep: 'leave the projects, and say where they are' },
);

/** Packages for pages: their entries are bundled and run in a browser. */
const forBrowsers = Object.keys(pageEntries).filter((name) => pageEntries[name]!.includes('.'));
const typescripts = short ? [6] : [5.9, 6, 7];
const nodes = short ? [thisNode] : [20, 22, 24];
const bundlers = short ? ['esbuild'] : ['esbuild', 'vite7', 'vite8', 'webpack'];
const columns = [
  ...['npm', 'pnpm', 'require', 'TS 5.9', 'TS 6', 'TS 7', 'Node 20', 'Node 22', 'Node 24'],
  ...['esbuild', 'Vite 7', 'Vite 8', 'webpack', 'Chromium'],
] as const;
type Column = (typeof columns)[number];
const columnOf: Readonly<Record<string, Column>> = {
  ...{ esbuild: 'esbuild', vite7: 'Vite 7', vite8: 'Vite 8', webpack: 'webpack' },
};

const tableFile = join(root, 'runs/packages.md');
const packages = triedPackages();
const table = new Map(packages.map(({ short: name }) => [name, new Map<Column, string>()]));
/** Declarations of others that contradict each other: they are said, and are nobody's fault here. */
const foreign = new Set<string>();
/** Notes what came out; of two for one cell, what failed stays. */
function note({ short: name }: Pick<Tried, 'short'>, column: Column, fault: string | undefined): void {
  const row = table.get(name)!;
  if (row.get(column)?.startsWith('fails')) return;
  row.set(column, fault ? `fails: ${fault.replace(/\s+/g, ' ').slice(0, 300)}` : 'ok');
}

/** Why a program failed, in a line. */
function faultOf({ code, output }: Process): string | undefined {
  if (code === 0) return undefined;
  const lines = output.split('\n').filter((line) => line.trim());
  return lines.find((line) => /error TS\d|^\S*Error\b|\bERR_/.test(line)) ?? lines.at(-1) ?? `exit status ${code}`;
}

/** Does something with each, as many at once as the machine has processors. */
async function forEach<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, worker));
}

const started = performance.now();
const seconds = (): string => `${((performance.now() - started) / 1000).toFixed(0)} s`;
const temporary = mkdtempSync(join(tmpdir(), 'protomem-packages-'));
process.on('exit', () => !keep && rmSync(temporary, { recursive: true, force: true }));

async function main(): Promise<void> {
  if ((await run('npm', ['ping'], { seconds: 30 })).code !== 0) {
    say('skipped: the registry does not answer, and blank projects need what packages depend on.');
    process.exitCode = short ? 0 : 1;
    return;
  }
  const packed = await packAll(join(temporary, 'tarballs'));
  done(`${packed.length} tarballs`);
  const projects = new Projects(temporary, packages, packed);
  const [npm, pnpm, tools] = [await projects.npm('npm', packages), await projects.pnpm(), await toolsOf(projects)];
  done('one project of npm with all packages, one of pnpm for each');
  await load(npm, pnpm, tools);
  done('loaded as modules and by require');
  await readmes(npm, pnpm, tools);
  done('blocks of READMEs run');
  await types(pnpm, tools);
  done('types held');
  await browsers(npm, tools);
  done('bundled, and run in a browser');
  if (!short) await installLines(projects);
  print();
}

const toolsOf = async (projects: Projects): Promise<string> =>
  short
    ? root
    : projects.tools({
        ...{ 'typescript5.9': 'npm:typescript@5.9', typescript6: 'npm:typescript@6', typescript7: 'npm:typescript@7' },
        ...{ esbuild: 'latest', vite7: 'npm:vite@7', vite8: 'npm:vite@8', webpack: '5' },
        ...Object.fromEntries(nodes.filter((n) => n !== thisNode).map((n) => [`node${n}`, `npm:node@${n}`])),
      });

async function load(npm: string, pnpm: string, tools: string): Promise<void> {
  await forEach(packages, async (one) => {
    const loads = async (folder: string, program: string, node = process.execPath): Promise<string | undefined> =>
      faultOf(await run(node, [program], { cwd: folder, seconds: 120 }));
    const [inNpm, inPnpm] = [join(npm, 'programs', one.short), join(pnpm, 'packages', one.short)];
    if (one.name === 'protomem') {
      const helps = async (folder: string, node = process.execPath): Promise<string | undefined> =>
        faultOf(await run(node, [join(folder, 'node_modules/protomem/bin/protomem.js'), '--help'], { cwd: folder }));
      note(one, 'npm', await helps(npm));
      note(one, 'pnpm', await helps(inPnpm));
      for (const major of nodes) note(one, `Node ${major}` as Column, await helps(inPnpm, nodeOf(tools, major)));
      return;
    }
    note(one, 'npm', await loads(inNpm, 'load.mjs'));
    note(one, 'pnpm', await loads(inPnpm, 'load.mjs'));
    note(one, 'require', await loads(inPnpm, 'load.cjs'));
    for (const major of nodes.filter((n) => n !== thisNode)) {
      for (const program of ['load.mjs', 'load.cjs']) {
        note(one, `Node ${major}` as Column, await loads(inPnpm, program, nodeOf(tools, major)));
      }
    }
  });
}

/** The blocks of each README, in the strict project of its package; in the short form all in one process of npm's project. */
async function readmes(npm: string, pnpm: string, tools: string): Promise<void> {
  const runner = await toJavaScript(readFileSync(join(root, 'examples/fixtures/run-blocks.ts'), 'utf8'));
  const runBlocks = async (folder: string, node: string): Promise<Map<string, Ran>> => {
    const { stdout } = await run(node, ['../run-blocks.mjs', 'block.mjs'], { cwd: folder });
    const lines = stdout.split('\n').filter((line) => line.startsWith('{"name"'));
    return new Map(lines.map((line) => JSON.parse(line) as Ran).map((ran) => [ran.name, ran]));
  };
  const judge = (one: Tried, column: Column, examples: readonly Example[], ran: Map<string, Ran>): void => {
    for (const { name, prints } of examples) {
      const { error, printed } = ran.get(name) ?? { error: 'has not come to its end', printed: '' };
      const other =
        prints !== undefined && prints !== printed ? `prints ${printed}, where the page says ${prints}` : '';
      note(one, column, error || other ? `${name}: ${error?.split('\n').find(Boolean) ?? other}` : undefined);
    }
  };
  const all = new Map<Tried, Example[]>();
  for (const one of packages) all.set(one, await examplesOf(join(root, one.directory, 'README.md'), one.short));
  const place = async (folder: string, examples: readonly Example[]): Promise<string> => {
    const blocks = join(folder, 'blocks');
    mkdirSync(blocks, { recursive: true });
    writeFileSync(join(folder, 'run-blocks.mjs'), runner);
    await writeExamples(blocks, examples);
    for (const { name, code } of examples) writeFileSync(join(blocks, name, 'block.mjs'), await toJavaScript(code));
    return blocks;
  };
  // Their types are held in the strict projects in any case.
  for (const [one, examples] of all) await place(join(pnpm, 'packages', one.short), examples);
  if (short) {
    const ran = await runBlocks(await place(npm, [...all.values()].flat()), process.execPath);
    for (const [one, examples] of all) judge(one, `Node ${thisNode}` as Column, examples, ran);
    return;
  }
  await forEach(packages, async (one) => {
    const examples = all.get(one)!;
    if (examples.length === 0) return;
    for (const major of nodes) {
      // Blocks write files, and refuse to write over them.
      const folder = join(pnpm, 'packages', one.short, `node${major}`);
      cpSync(join(pnpm, 'packages', one.short, 'blocks'), folder, { recursive: true });
      const ran = await runBlocks(folder, nodeOf(tools, major));
      judge(one, `Node ${major}` as Column, examples, ran);
    }
  });
}

const toJavaScript = async (code: string): Promise<string> =>
  (await transform(code, { loader: 'ts', format: 'esm', target: 'es2022' })).code;

async function types(pnpm: string, tools: string): Promise<void> {
  const modes = {
    nodenext: { module: 'nodenext' },
    ...(!short && { bundler: { module: 'esnext', moduleResolution: 'bundler' } }),
  };
  const options = { strict: true, skipLibCheck: false, noEmit: true, target: 'es2022', types: ['node'] };
  const of = packages.filter(({ entries }) => entries.length > 0);
  for (const version of typescripts) {
    const column = `TS ${version}` as Column;
    const tsc = join(tools, 'node_modules', short ? 'typescript' : `typescript${version}`, 'bin/tsc');
    for (const [mode, compilerOptions] of Object.entries(modes)) {
      const check = (name: string, names: string): Promise<Process> => {
        const programs = [`types.mts`, 'blocks/*/block.mts', ...(mode === 'nodenext' ? ['types.cts'] : [])];
        const include = programs.map((program) => `packages/${names}/${program}`);
        const config = join(pnpm, `tsconfig.${name}.json`);
        writeFileSync(config, JSON.stringify({ compilerOptions: { ...options, ...compilerOptions }, include }));
        return run(process.execPath, [tsc, '-p', config], { cwd: pnpm });
      };
      // All at once; whose fault it is, its file says.
      const { code, output } = await check(mode, '*');
      const faults = output.split('\n').filter((line) => /error TS\d/.test(line));
      if (code !== 0 && faults.length === 0) faults.push(...of.map((one) => `packages/${one.short}/: ${output}`));
      for (const one of of) {
        const places = [`packages/${one.short}/`, `/@protomem/${one.short}/`];
        const fault = faults.find((line) => places.some((place) => line.split('(')[0]!.includes(place)));
        note(one, column, fault && `${mode}: ${fault}`);
      }
      for (const line of faults) {
        const [, name] =
          /node_modules\/((?!@protomem|\.pnpm)(?:@[^/]+\/)?[^/(]+)\/[^(]*\(/.exec(
            line.replace(/^.*\.pnpm\/[^/]+\//, ''),
          ) ?? [];
        if (name) foreign.add(`${name} under TypeScript ${version}`);
      }
    }
  }
}

/** The install lines, with plain npm, each in a folder of its own. */
async function installLines(projects: Projects): Promise<void> {
  for (const one of packages) {
    const fault = await projects.npm(`npm-${one.short}`, [one]).then(
      async (folder) =>
        one.name === 'protomem'
          ? undefined
          : faultOf(await run(process.execPath, ['load.mjs'], { cwd: join(folder, 'programs', one.short) })),
      (error: Error) => error.message.split('\n').find((line) => /npm error/.test(line)) ?? error.message,
    );
    note(one, 'npm', fault);
    rmSync(join(temporary, `npm-${one.short}`), { recursive: true, force: true });
  }
}

/** Each package for pages in a page of its own, and the pages of the examples that use them together. */
async function browsers(npm: string, tools: string): Promise<void> {
  const programs = join(npm, 'pages');
  mkdirSync(programs);
  const fixtures = join(root, 'examples/fixtures/browser');
  for (const name of ['verdict', 'parts', 'train']) {
    const code = readFileSync(join(fixtures, `${name}.ts`), 'utf8').replace('./verdict.ts', './verdict.mjs');
    writeFileSync(join(programs, `${name}.mjs`), await toJavaScript(code));
  }
  for (const name of forBrowsers) {
    const code = `import * as all from '@protomem/${name}';\nimport { holds, verdict } from './verdict.mjs';\n
verdict(async () => { holds(Object.keys(all).length > 0, 'it exports something'); return {}; });\n`;
    writeFileSync(join(programs, `${name}.mjs`), code);
  }
  const names = [...forBrowsers, 'parts', 'train'];
  for (const bundler of bundlers) {
    const module = join(tools, 'node_modules', bundler, ...(bundler.startsWith('vite') ? ['dist/node/index.js'] : []));
    const library = bundler === 'esbuild' ? join(module, 'lib/main.js') : module;
    const out = join(npm, 'bundles', bundler);
    const args = [join(root, 'scripts/packages/bundle.mjs'), bundler, library, programs, out, ...names];
    const { stdout, output, code } = await run(process.execPath, args, { cwd: npm });
    const told = stdout.split('\n').filter((line) => line.startsWith('{"name"'));
    const said = new Map(told.map((line) => JSON.parse(line)).map(({ name, said }) => [name, said.join('; ')]));
    const together = said.get('parts') || said.get('train') ? `pages: ${said.get('parts') || said.get('train')}` : '';
    for (const name of forBrowsers) {
      note({ short: name }, columnOf[bundler]!, code !== 0 ? output : said.get(name) || together || undefined);
    }
  }
  if (!chromium) return say('skipped: Chromium, which is not here (PROTOMEM_CHROMIUM names it).');
  const bundles = join(npm, 'bundles/esbuild');
  for (const name of names) {
    const page = `<!doctype html><meta charset="utf-8"><body><script type="module" src="${name}.js"></script></body>`;
    writeFileSync(join(bundles, `${name}.html`), page);
  }
  const wasm = join(npm, 'node_modules/@tensorflow/tfjs-backend-wasm/dist');
  for (const file of readdirSync(wasm)) if (file.endsWith('.wasm')) copyFileSync(join(wasm, file), join(bundles, file));
  await forEach(names, async (name) => {
    const page = name === 'train' ? 'train.html?engine=wasm' : `${name}.html`;
    const fault = await openPage(bundles, page, { seconds: 300 }).then(
      ({ passed, error }) => (passed ? undefined : error),
      (error: Error) => error.message,
    );
    // A page that uses all of them is each one's.
    for (const short of forBrowsers.includes(name) ? [name] : fault ? forBrowsers : []) {
      note({ short }, 'Chromium', fault && `${name}: ${fault}`);
    }
  });
}

/** Writes the table as far as it goes, so that a run that is ended leaves what it found. */
function write(): string[][] {
  const cell = (name: string, column: Column): string => {
    const found = table.get(name)!.get(column);
    if (found) return found;
    const command = name === 'protomem' && /^(require|TS)/.test(column);
    const page = ['esbuild', 'Vite 7', 'Vite 8', 'webpack', 'Chromium'].includes(column) && !forBrowsers.includes(name);
    return command || page ? 'not for it' : 'not tried';
  };
  const rows = packages.map(({ name, short: key }) => [name, ...columns.map((column) => cell(key, column))]);
  const all = [['package', ...columns], ['---', ...columns.map(() => '---')], ...rows];
  mkdirSync(join(root, 'runs'), { recursive: true });
  const line = (row: readonly string[]): string =>
    `| ${row.map((value) => value.replaceAll('|', '\\|')).join(' | ')} |\n`;
  writeFileSync(tableFile, all.map(line).join(''));
  return rows;
}

/** Ends a step: says what has been done, and when. */
function done(what: string): void {
  say(`${what} (${seconds()})`);
  write();
}

function print(): void {
  const failed = write()
    .flat()
    .filter((value) => value.startsWith('fails')).length;
  console.log(readFileSync(tableFile, 'utf8'));
  if (foreign.size > 0) say(`declarations of others with errors of their own: ${[...foreign].join(', ')}`);
  say(`${failed} fail (${seconds()}); the table is in runs/packages.md${keep ? `, the projects in ${temporary}` : ''}`);
  process.exitCode = failed > 0 ? 1 : 0;
}

await main();
