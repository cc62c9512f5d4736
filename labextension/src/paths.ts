/** A path below a root, relative to it; undefined where it lies elsewhere. */
export function relativeTo(root: string, path: string): string | undefined {
  const base = root.endsWith('/') ? root : `${root}/`;
  return path.startsWith(base) ? path.slice(base.length) : undefined;
}
