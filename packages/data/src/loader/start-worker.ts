import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { ProtomemError, type SourceSpec } from '@protomem/core';
import type { ProducerSpec } from './producer-types.ts';

const isTypeScript = (url: string): boolean => /\.m?ts$/.test(url);

/** Starts the thread of a pool: the built file, or the source when this module itself runs from sources. */
export function startWorker(spec: ProducerSpec): Worker {
  const fromSources = isTypeScript(import.meta.url);
  const entry = new URL(fromSources ? './worker.ts' : './loader-worker.js', import.meta.url);
  const module = fromSources ? import.meta.url : modulesOf(spec.source).find(isTypeScript);
  if (module === undefined || (!fromSources && 'typescript' in process.features && process.features.typescript)) {
    return new Worker(entry, { workerData: spec });
  }
  // Node 20 cannot run TypeScript, and ignores `--import tsx` in a thread's arguments; so the thread registers it itself.
  const code = `import { register } from ${JSON.stringify(resolveTsx(module))};
register();
await import(${JSON.stringify(entry.href)});`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  return new Worker(url, { workerData: spec, execArgv: fromSources ? ['--conditions=@protomem/source'] : undefined });
}

/** Modules of a spec and of the sources that it is made of. */
function modulesOf({ module, options }: SourceSpec): string[] {
  const inner = (options as { readonly source?: SourceSpec } | null | undefined)?.source;
  return inner?.module === undefined ? [module] : [module, ...modulesOf(inner)];
}

/** URL of tsx, as the module that needs it finds it, or the program. */
function resolveTsx(module: string): string {
  for (const from of [module, process.argv[1]]) {
    try {
      const require = createRequire(from ?? module);
      return pathToFileURL(require.resolve('tsx/esm/api')).href;
    } catch {}
  }
  throw new ProtomemError({
    where: 'loader',
    what: module,
    got: 'TypeScript, for a thread of a Node that runs none',
    expected: 'JavaScript, or tsx among the dependencies of its package',
    fix: 'Install tsx beside it, build the module, or set workers to 0.',
  });
}
