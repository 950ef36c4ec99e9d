import { existsSync } from 'node:fs';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';

/**
 * The path of a row, relative to a root, with `/` between; or, where it does not lie within the root or some file system
 * takes it for something else, what it is. Both `/` and `\` separate folders. Symbolic links are not looked into.
 *
 * @param root absolute.
 */
export function localPath(root: string, path: string): { readonly path: string } | { readonly refused: string } {
  const slashes = path.replaceAll('\\', '/');
  if (path === '') return { refused: 'an empty path' };
  if (path.includes('\0')) return { refused: `${path}, a path with a zero byte` };
  if (sep === '/' && /^[a-z]:/i.test(path)) return { refused: `${path}, a path with a drive letter` };
  if (/(^|\/)(con|prn|aux|nul|com\d|lpt\d)(\.[^/]*)?(\/|$)/i.test(slashes)) {
    return { refused: `${path}, which names a device on Windows` };
  }
  const inside = relative(root, resolve(root, slashes));
  if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) {
    return { refused: `${path}, a path outside of ${root}` };
  }
  return { path: inside.replaceAll(sep, '/') };
}

/**
 * The folders in front of an absolute path from which on it is there below a root: what a list from another machine has in
 * the place of the root. None for a path that is not absolute, or that is not there at all.
 */
export function foreignPrefix(root: string, path: string): string | undefined {
  const slashes = path.replaceAll('\\', '/');
  if (!/^([a-z]:)?\//i.test(slashes)) return undefined;
  for (let at = slashes.indexOf('/'); at >= 0; at = slashes.indexOf('/', at + 1)) {
    const rest = localPath(root, slashes.slice(at + 1));
    if ('path' in rest && existsSync(join(root, rest.path))) return slashes.slice(0, at + 1);
  }
  return undefined;
}
