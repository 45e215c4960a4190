// Places of a slide to step through: groups of adjacent cells, hot spots and quality problems.

import type { Decision, SlideCells } from "../interface/types";
import { CELL_MM2, type Cell } from "./cells";

/** A group of adjacent cells (corners count); `cell` is the one nearest to its middle. */
export type Place = { cells: Cell[]; cell: Cell; mm2: number };
export type HotSpot = Place & { highest: number };
export type Problem = Place & { cause: string };

const keyOf = ({ column, row }: Cell) => `${column} ${row}`;
const NEIGHBOURS = [-1, 0, 1].flatMap((right) => [-1, 0, 1].map((down) => [right, down] as const)).filter(([a, b]) => a !== 0 || b !== 0);

/** Groups of adjacent cells, largest first. */
export function placesOf(cells: readonly Cell[]): Place[] {
  const waiting = new Map(cells.map((cell) => [keyOf(cell), cell]));
  const places: Place[] = [];
  for (const [key, cell] of waiting) {
    waiting.delete(key);
    places.push(placeOf(grown(cell, waiting)));
  }
  return places.toSorted((a, b) => b.cells.length - a.cells.length);
}

/** The cells that are connected with the first one; they are taken out of those that wait. */
function grown(first: Cell, waiting: Map<string, Cell>): Cell[] {
  const group = [first];
  for (const { column, row } of group) {
    for (const [right, down] of NEIGHBOURS) {
      const key = keyOf({ column: column + right, row: row + down });
      const neighbour = waiting.get(key);
      if (neighbour === undefined) continue;
      waiting.delete(key);
      group.push(neighbour);
    }
  }
  return group;
}

function placeOf(cells: Cell[]): Place {
  const mean = (of: (cell: Cell) => number) => cells.reduce((sum, cell) => sum + of(cell), 0) / cells.length;
  const middle = { column: mean(({ column }) => column), row: mean(({ row }) => row) };
  const distance = ({ column, row }: Cell) => Math.hypot(column - middle.column, row - middle.row);
  const cell = cells.reduce((best, other) => (distance(other) < distance(best) ? other : best));
  return { cells, cell, mm2: cells.length * CELL_MM2 };
}

/** Groups of IDC cells, largest first, with their highest P(IDC). */
export function hotSpots(cells: SlideCells, decisions: readonly Decision[]): HotSpot[] {
  const probability = new Map<string, number>();
  const found: Cell[] = [];
  decisions.forEach((decision, index) => {
    if (decision !== "idc") return;
    const cell = cellAt(cells, index);
    found.push(cell);
    probability.set(keyOf(cell), cells.probability[index]!);
  });
  return placesOf(found).map((place) => ({
    ...place,
    highest: place.cells.reduce((highest, cell) => Math.max(highest, probability.get(keyOf(cell))!), 0),
  }));
}

/** What is no flaw of the slide or its scan, so that nobody must look at it. */
const ORDINARY = new Set(["glass", "fat"]);

/** The cells that were left out for a flaw of the slide or its scan, each with its cause. */
export function flawed(cells: SlideCells): (Cell & { cause: string })[] {
  const causes = Object.entries(cells.left_out ?? {}).filter(([cause]) => !ORDINARY.has(cause));
  return causes.flatMap(([cause, places]) => places.map(([column, row]) => ({ column, row, cause })));
}

/** Groups of cells that were left out for a flaw, or that the model's checks call uncertain: by cause, largest first. */
export function problems(cells: SlideCells): Problem[] {
  const checked = cells.reasons.flatMap((reasons, index) =>
    reasons.filter((reason) => reason !== "between_thresholds").map((cause) => ({ ...cellAt(cells, index), cause })),
  );
  const byCause = Map.groupBy([...flawed(cells), ...checked], ({ cause }) => cause);
  const found = [...byCause].flatMap(([cause, group]) => placesOf(group).map((place) => ({ ...place, cause })));
  return found.toSorted((a, b) => b.cells.length - a.cells.length);
}

function cellAt(cells: SlideCells, index: number): Cell {
  return { column: cells.column[index]!, row: cells.row[index]! };
}

/** Why a cell was not screened; undefined where it was, or lies beyond the slide. */
export function causeOf(cells: SlideCells, { column, row }: Cell): string | undefined {
  const isHere = ([c, r]: readonly [number, number]) => c === column && r === row;
  return Object.entries(cells.left_out ?? {}).find(([, places]) => places.some((place) => isHere(place as [number, number])))?.[0];
}
