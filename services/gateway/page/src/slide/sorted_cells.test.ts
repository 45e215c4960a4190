import { expect, test } from "vitest";

import type { Decision, SlideCells } from "../interface/types";
import { sortedCells } from "./sorted_cells";

const DECISIONS: Decision[] = ["idc", "no_idc", "uncertain", "idc"];
const CELLS: SlideCells = {
  column: [5, 1, 2, 0],
  row: [0, 0, 0, 1],
  probability: [0.8, 0.1, 0.5, 0.9],
  logit: [1, -2, 0, 1],
  decision: DECISIONS,
  reasons: [[], [], [], []],
  left_out: {},
};

test("cells are sorted both ways, equal ones row by row", () => {
  const sorted = (by: "place" | "probability" | "logit" | "decision", falling: boolean) => sortedCells(CELLS, DECISIONS, () => true, { by, falling });

  expect(sorted("probability", true)).toEqual([3, 0, 2, 1]);
  expect(sorted("place", false)).toEqual([1, 2, 0, 3]);
  expect(sorted("logit", true)).toEqual([0, 3, 2, 1]);
  expect(sorted("decision", false)).toEqual([1, 2, 0, 3]);
});

test("only cells that are wanted are listed", () => {
  expect(sortedCells(CELLS, DECISIONS, (index) => DECISIONS[index] === "idc", { by: "probability", falling: false })).toEqual([0, 3]);
});
