// Which pattern an address fits.

/** The parts of a path that a pattern such as `/slides/:id` names; null where the path does not fit. */
export function match(pattern: string, path: readonly string[]): Record<string, string> | null {
  const parts = pattern.split("/").filter(Boolean);
  if (parts.length !== path.length) return null;
  const named: Record<string, string> = {};
  for (const [place, part] of parts.entries()) {
    const given = path[place]!;
    if (part.startsWith(":")) named[part.slice(1)] = given;
    else if (part !== given) return null;
  }
  return named;
}
