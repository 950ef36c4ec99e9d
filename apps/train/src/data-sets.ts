import type { Command, OptionValues } from '@commander-js/extra-typings';
import { flagOf, type ImageSource, ProtomemError, remarkLines } from '@protomem/core';
import { type OpenOptions, openDataset, type openImages } from '@protomem/data';

/** What the commands that read a data set share: the options that say how to open it, and what is said of it. */

/** Options of a command that opens a data set. */
// biome-ignore lint/suspicious/noExplicitAny: commander's own constraint on the types of arguments.
export const dataSetOptions = <A extends any[], O extends OptionValues>(command: Command<A, O>) =>
  command
    .option('--from <name>', 'format of the data set (default: found out from what is there)')
    .option('--root <dir>', 'of a list: folder that its paths are relative to (default: that of the list)')
    .option('--columns <names>', 'of a list: its columns, such as path=file,identity=who (default: the usual names)')
    .option('--identity <field>', 'of a WebDataset: field that says who is on an image, or "." for its folder');

/** These options as a command gets them. */
export interface DataSetArguments {
  readonly from?: string;
  readonly root?: string;
  readonly columns?: string;
  readonly identity?: string;
}

/**
 * Opens a data set and says what it passes over, assumes or finds in conflict.
 *
 * @param open such as `openImages`, for images of which nobody has to be known.
 */
export async function openSaid(
  path: string,
  opening: DataSetArguments = {},
  open: typeof openDataset | typeof openImages = openDataset,
): Promise<ImageSource> {
  const source = await open(path, openOptionsOf(opening));
  sayRemarks(source);
  return source;
}

/** These options as those who open a data set take them. */
export function openOptionsOf({ from, root, columns, identity }: DataSetArguments): OpenOptions {
  const options = { format: from, root, identity, columns: columns && parseColumns(columns) };
  return options as OpenOptions;
}

/** Refuses options that would do nothing for what was found. */
export function refuseGiven(where: string, options: object, expected: string): void {
  const given = Object.entries(options).find(([, value]) => value !== undefined && value !== false);
  if (given) throw new ProtomemError({ where, what: flagOf(given[0]), got: given[1], expected });
}

/** Prints the remarks of a source, where they mix with no output. */
export function sayRemarks({ remarks }: Pick<ImageSource, 'remarks'>): void {
  for (const line of remarkLines(remarks)) console.error(line);
}

function parseColumns(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(',').map((pair) => pair.split('='));
  if (pairs.every((pair) => pair.length === 2 && pair.every(Boolean))) return Object.fromEntries(pairs);
  const expected = 'names of columns, such as path=file,identity=who';
  throw new ProtomemError({ where: 'the command line', what: '--columns', got: text, expected });
}
