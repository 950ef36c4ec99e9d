import { cpus, release, totalmem, type } from 'node:os';
import type { Measured, SuiteResult } from './suite.ts';

/** What the figures were measured on. */
export function machine(): Readonly<Record<string, string | number>> {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    // No more of a kernel than its version: the rest is a build's name.
    system: `${type()} ${release().split('.', 2).join('.')}`,
    node: process.version,
  };
}

/** A suite's result as it is written to JSON. */
export interface Page extends SuiteResult {
  readonly suite: string;
  readonly about: string;
  readonly date: string;
  readonly machine: Readonly<Record<string, string | number>>;
  /** Whether it was a short run. */
  readonly quick: boolean;
}

/** The same as a page to read. */
export function markdown(page: Page): string {
  const on = Object.entries(page.machine).map(([key, value]) => `${key} ${value}`);
  const sections = [
    `# ${page.suite}: ${page.about}`,
    `${page.date}, ${on.join(', ')}. ${page.taken ?? 'Contenders took turns in one run.'}${page.quick ? ' A short run (`--quick`).' : ''}`,
    ...Object.entries(page.cases).map(([name, contenders]) => `## ${name}\n\n${caseTable(contenders, page.unit)}`),
    ...(Object.keys(page.ratios).length > 0
      ? [
          table(
            [`ratio (${page.reading ?? 'below 1: the first is faster or smaller'})`, ''],
            Object.entries(page.ratios).map(([key, value]) => [key, value.toFixed(3)]),
          ),
        ]
      : []),
    ...(page.notes ?? []),
    ...page.absent,
  ];
  return `${sections.join('\n\n')}\n`;
}

function caseTable(contenders: Readonly<Record<string, Measured>>, unit: string): string {
  const all = Object.values(contenders);
  const keys = (of: (one: Measured) => object | undefined): string[] => [
    ...new Set(all.flatMap((one) => Object.keys(of(one) ?? {}))),
  ];
  const said = keys(({ about }) => about).filter((key) => ['version', 'threads', 'precision', 'ran'].includes(key));
  const figures = keys((one) => one.figures);
  const timed = all.some(({ time }) => time);
  const header = ['contender', ...said, ...(timed ? ['runs', `median ${unit}`, 'p10', 'p90'] : []), ...figures];
  const rows = Object.entries(contenders).map(([name, one]) => [
    name,
    ...said.map((key) => String(one.about[key] ?? '')),
    ...(timed ? time(one) : []),
    ...figures.map((key) => digits(one.figures?.[key])),
  ]);
  return table(header, rows);
}

function time({ time }: Measured): string[] {
  return time ? [String(time.runs), digits(time.median), digits(time.p10), digits(time.p90)] : ['', '', '', ''];
}

/** Three significant digits, and all those before the point. */
function digits(value: number | undefined): string {
  if (value === undefined) return '';
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
