import { expect, test } from "vitest";

import { bars, quantile } from "./spread";

const none = { idc: 0, uncertain: 0, no_idc: 0 };

test("a bar has the shares of a patient's patches, and the patient with the fewest wrong ones comes first", () => {
  const found = bars(
    [
      { patient: "a", positives: { idc: 5, uncertain: 1, no_idc: 4 }, negatives: none },
      { patient: "b", positives: { idc: 18, uncertain: 2, no_idc: 0 }, negatives: none },
    ],
    "positives",
  );

  expect(found.map(({ patient }) => patient)).toEqual(["b", "a"]);
  expect(found[1]).toEqual({ patient: "a", patches: 10, right: 0.5, uncertain: 0.1, wrong: 0.4 });
});

test("of patches without IDC, those called IDC are the wrong ones", () => {
  const [bar] = bars([{ patient: "a", positives: none, negatives: { idc: 3, uncertain: 0, no_idc: 7 } }], "negatives");

  expect(bar).toMatchObject({ right: 0.7, wrong: 0.3 });
});

test("a patient with few patches of a class has no bar", () => {
  expect(bars([{ patient: "a", positives: { idc: 9, uncertain: 0, no_idc: 0 }, negatives: none }], "positives")).toEqual([]);
});

test("a quantile lies between its neighbours", () => {
  expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
  expect(quantile([1, 2, 3], 1)).toBe(3);
});
