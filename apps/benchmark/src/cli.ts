import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { check, lookUp, ProtomemError } from '@protomem/core';
import { writeFileAtomic } from '@protomem/core/node';
import { machine, markdown } from './page.ts';
import type { Suite } from './suite.ts';
import { cluster } from './suites/cluster.ts';
import { companions } from './suites/companions.ts';
import { encoder, encoderCompiled, encoderLarge, encoderWasm } from './suites/encoder.ts';
import { evaluation } from './suites/evaluation.ts';
import { freshness } from './suites/freshness.ts';
import { gallery } from './suites/gallery.ts';
import { guard } from './suites/guard.ts';
import { head } from './suites/head.ts';
import { identities } from './suites/identities.ts';
import { lfw } from './suites/lfw.ts';
import { limits } from './suites/limits.ts';
import { loader } from './suites/loader.ts';
import { peers } from './suites/peers.ts';
import { scale } from './suites/scale.ts';
import { serve } from './suites/serve.ts';
import { staleness } from './suites/staleness.ts';

const suites: Readonly<Record<string, Suite>> = {
  head,
  scale,
  cluster,
  staleness,
  freshness,
  companions,
  identities,
  lfw,
  guard,
  loader,
  limits,
  evaluation,
  gallery,
  serve,
  peers,
  encoder,
  'encoder-large': encoderLarge,
  'encoder-compiled': encoderCompiled,
  'encoder-wasm': encoderWasm,
};

const help = `Measure protomem beside others, in one run, taking turns.

  npm run bench -- SUITE [--out DIR] [--data DIR] [--quick] [--earlier] [--only TEXT] [--profile]

Suites
${Object.entries(suites)
  .map(([name, { about }]) => `  ${name.padEnd(12)} ${about}`)
  .join('\n')}

  --out DIR   where SUITE.json and SUITE.md go (default benchmarks)
  --data DIR  face images, for the suites lfw, guard and loader; an encoder for serve
  --quick     fewer rounds
  --earlier   kept runs of earlier code count where there are none of today's (suites lfw, guard and identities)
  --only TEXT carry out runs whose name holds TEXT, or one of several; the others are shown as far as they are kept (the same suites)
  --profile   also where the time of a step goes, op by op (encoder suites)
  PROTOMEM_PYTHON names the Python to compare with (default python3)
`;

const options = {
  out: { type: 'string', default: 'benchmarks' },
  data: { type: 'string' },
  quick: { type: 'boolean', default: false },
  earlier: { type: 'boolean', default: false },
  only: { type: 'string', multiple: true },
  profile: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const name = positionals[0];
  if (values.help || name === undefined) {
    console.log(help);
    return;
  }
  check(positionals.length === 1, () => ({
    where: 'bench',
    what: 'arguments',
    got: positionals,
    expected: 'one SUITE',
    fix: 'Name several texts as --only TEXT --only TEXT.',
  }));
  const suite = lookUp('bench', 'SUITE', suites, name);
  const found = await suite.run({ ...values, say: console.log });
  const result = {
    suite: name,
    about: suite.about,
    date: new Date().toISOString(),
    machine: machine(),
    quick: values.quick,
    ...found,
  };
  await mkdir(values.out, { recursive: true });
  await writeFileAtomic(join(values.out, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
  const table = markdown(result);
  await writeFileAtomic(join(values.out, `${name}.md`), table);
  console.log(`\n${table}\nwritten to ${join(values.out, `${name}.json`)} and .md`);
}

main().catch((error: unknown) => {
  console.error(error instanceof ProtomemError ? `error: ${error.message}` : error);
  process.exitCode = 1;
});
