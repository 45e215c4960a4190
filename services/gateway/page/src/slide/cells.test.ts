import { describe, expect, test } from "vitest";

import type { Decision, SlideCells } from "../interface/types";
import { areaAround, colourOf, countsOf, decide, decideAll, histogram, moved } from "./cells";

const CUT = { logit: 0, low_logit: -1, high_logit: 1 };

function cells(...given: [column: number, row: number, logit: number][]): SlideCells {
  return {
    column: given.map(([column]) => column),
    row: given.map(([, row]) => row),
    logit: given.map(([, , logit]) => logit),
    probability: given.map(([, , logit]) => 1 / (1 + Math.exp(-logit))),
    decision: given.map((): Decision => "uncertain"),
    reasons: given.map(() => []),
    left_out: {},
  };
}

describe("the decision of a cell", () => {
  test("is IDC from the upper bound on, and no IDC below the lower one", () => {
    expect([-1.01, -1, 0.99, 1].map((logit) => decide(logit, [], CUT))).toEqual(["no_idc", "uncertain", "uncertain", "idc"]);
  });

  test("stays uncertain at any cut where the cell is out of focus", () => {
    expect(decide(9, ["out_of_focus"], CUT)).toBe("uncertain");
    expect(decide(9, ["between_thresholds"], CUT)).toBe("idc");
  });

  test("follows a moved cut", () => {
    const slide = cells([0, 0, -2], [1, 0, 0], [2, 0, 1.5]);
    expect(countsOf(decideAll(slide, CUT))).toEqual({ idc: 1, uncertain: 1, no_idc: 1 });
    expect(countsOf(decideAll(slide, moved(CUT, 3)))).toEqual({ idc: 0, uncertain: 0, no_idc: 3 });
  });
});

describe("a histogram", () => {
  test("counts each value once, those outside in the first or last bin", () => {
    expect(histogram([-9, 0, 0.5, 1, 3.9, 4, 9], 0, 4, 4)).toEqual([3, 1, 0, 3]);
  });
});

describe("the map's colour", () => {
  test("is white at the cut, blue far below it and orange far above it", () => {
    expect(colourOf(0, CUT)).toEqual([247, 247, 247]);
    expect(colourOf(-99, CUT)).toEqual([33, 102, 172]);
    expect(colourOf(99, CUT)).toEqual([179, 88, 6]);
  });
});

test("the area around the cut has the cells that a moved cut would decide otherwise", () => {
  const slide = cells([0, 0, -0.4], [1, 0, 0.5], [2, 0, 0.6], [3, 0, 0]);
  slide.reasons[3] = ["out_of_focus"];

  expect(areaAround(slide, CUT, 0.5)).toBeCloseTo(0.08);
});
