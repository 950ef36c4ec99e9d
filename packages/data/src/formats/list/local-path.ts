import { isAbsolute, relative, resolve, sep } from 'node:path';

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
