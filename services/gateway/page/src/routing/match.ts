// Which pattern an address fits.

/** The parts of a path that a pattern such as `/slides/:id` names, `:part?` if any; null where the path does not fit. */
export function match(pattern: string, path: readonly string[]): Record<string, string> | null {
  const parts = pattern.split("/").filter(Boolean);
  if (path.length > parts.length) return null;
  const named: Record<string, string> = {};
  for (const [place, part] of parts.entries()) {
    const given = path[place];
    if (given === undefined && part.endsWith("?")) continue;
    if (given === undefined || (!part.startsWith(":") && part !== given)) return null;
    if (part.startsWith(":")) named[part.slice(1).replace("?", "")] = given;
  }
  return named;
}
