// The cells of a slide as rows of a table: filtered, sorted, a page at a time.

import type { Decision, SlideCells } from "../interface/types";

export type Column = "place" | "probability" | "logit" | "decision";
export type Order = { by: Column; falling: boolean };

const RANKS: Record<Decision, number> = { no_idc: 0, uncertain: 1, idc: 2 };

/** The indices of the cells that are wanted, in an order; equal ones row by row. */
export function sortedCells(cells: SlideCells, decisions: readonly Decision[], isWanted: (index: number) => boolean, order: Order): number[] {
  const place = (index: number) => cells.row[index]! * 1e7 + cells.column[index]!;
  const values: Record<Column, (index: number) => number> = {
    place,
    probability: (index) => cells.probability[index]!,
    logit: (index) => cells.logit[index]!,
    decision: (index) => RANKS[decisions[index]!],
  };
  const value = values[order.by];
  const sign = order.falling ? -1 : 1;
  const chosen = cells.column.map((_, index) => index).filter(isWanted);
  return chosen.toSorted((a, b) => sign * (value(a) - value(b)) || place(a) - place(b));
}
