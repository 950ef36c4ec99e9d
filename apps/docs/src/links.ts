import { existsSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { routeOf } from './navigation.ts';
import { root } from './packages.ts';

/** What of the repository pages link to that is no page: comes with the site, as text. */
export const carried = new Set<string>();

/**
 * A link of a Markdown file as the site has it: a page where there is one, else the file itself. A folder is its README; one
 * without is told of in ARCHITECTURE.md. What is not there stays as it is, which ends the build.
 *
 * @param file the page that has the link, from the repository's root.
 */
export function siteLink(file: string, href: string): string {
  if (/^([a-z]+:|\/|#)/.test(href)) return href;
  const [, path, rest] = /^([^?#]*)(.*)$/s.exec(href)!;
  let target = posix.join(posix.dirname(file), decodeURIComponent(path!)).replace(/\/$/, '');
  if (!existsSync(join(root, target))) return href;
  if (statSync(join(root, target)).isDirectory()) target = posix.join(target, 'README.md');
  if (!existsSync(join(root, target))) return `/ARCHITECTURE.md`;
  const route = routeOf(target);
  if (route) return `/${route}${rest}`;
  carried.add(target);
  return `/files/${target}.txt`;
}
