import { describe, expect, test } from "vitest";

import type { Decision, Reason, SlideCells } from "../interface/types";
import { causeOf, hotSpots, placesOf, problems } from "./places";

function cells(...given: [column: number, row: number, probability: number, reasons?: Reason[]][]): SlideCells {
  return {
    column: given.map(([column]) => column),
    row: given.map(([, row]) => row),
    logit: given.map(() => 0),
    probability: given.map(([, , probability]) => probability),
    decision: given.map((): Decision => "idc"),
    reasons: given.map(([, , , reasons]) => reasons ?? []),
    left_out: {},
  };
}

test("places are groups of cells that touch, corners too, largest first", () => {
  const places = placesOf([0, 1, 5, 2].map((at) => ({ column: at, row: at })));

  expect(places.map(({ cells }) => cells.map(({ column }) => column))).toEqual([[0, 1, 2], [5]]);
  expect(places[0]!.cell).toEqual({ column: 1, row: 1 });
  expect(places[0]!.mm2).toBeCloseTo(0.12);
});

describe("hot spots", () => {
  test("have only IDC cells, and the highest probability of each group", () => {
    const slide = cells([0, 0, 0.7], [1, 0, 0.9], [2, 0, 0.99], [9, 9, 0.8]);

    const spots = hotSpots(slide, ["idc", "idc", "no_idc", "idc"]);

    expect(spots.map(({ highest, cells }) => [cells.length, highest])).toEqual([[2, 0.9], [1, 0.8]]);
  });

  test("of a slide without IDC are none", () => {
    expect(hotSpots(cells([0, 0, 0.2]), ["no_idc"])).toEqual([]);
  });
});

describe("quality problems", () => {
  test("are what was left out for a flaw and what the checks call uncertain, by cause", () => {
    const slide = cells([0, 0, 0.5, ["out_of_focus"]], [1, 1, 0.5, ["out_of_focus", "between_thresholds"]], [8, 8, 0.5, ["between_thresholds"]]);
    slide.left_out = { glass: [[20, 20]], fat: [[21, 21]], unreadable: [[30, 30], [40, 40]] };

    expect(problems(slide).map(({ cause, cells }) => [cause, cells.length])).toEqual([
      ["out_of_focus", 2],
      ["unreadable", 1],
      ["unreadable", 1],
    ]);
  });

  test("tell of a cell why it was left out", () => {
    const slide = cells([0, 0, 0.5]);
    slide.left_out = { fat: [[3, 4]] };

    expect(causeOf(slide, { column: 3, row: 4 })).toBe("fat");
    expect(causeOf(slide, { column: 0, row: 0 })).toBeUndefined();
  });
});
