// Several entries of a queue, selected by places.

/** The places between two, both included, rising. */
export function range(from: number, to: number): number[] {
  const [low, high] = [Math.min(from, to), Math.max(from, to)];
  return Array.from({ length: high - low + 1 }, (_, step) => low + step);
}

/** The selection with one place more, or without it. */
export function toggled(selected: readonly number[], place: number): number[] {
  return selected.includes(place) ? selected.filter((other) => other !== place) : [...selected, place].toSorted((a, b) => a - b);
}

/** The next or previous place, within a queue of so many entries. */
export function extended(place: number, by: number, count: number): number {
  return Math.min(count - 1, Math.max(0, place + by));
}

/** A cell's own text. */
export const keyOf = ({ column, row }: { column: number; row: number }) => `${column} ${row}`;
