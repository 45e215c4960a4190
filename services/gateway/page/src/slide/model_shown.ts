// The patches for which a reader was shown the model's answer since the page was loaded: what they answer then is not without it.

import type { Cell } from "./cells";

const shown = new Set<string>();
const nameOf = (slide: string, { column, row }: Cell, reader: string) => [slide, column, row, reader].join(" ");

export function noteModelShown(slide: string, cell: Cell, reader: string): void {
  shown.add(nameOf(slide, cell, reader));
}

export function wasModelShown(slide: string, cell: Cell, reader: string): boolean {
  return shown.has(nameOf(slide, cell, reader));
}
