import { expect, test } from "vitest";

import type { MeasureItem } from "../interface/types";
import { drift as german } from "../words/de/drift";
import { drift as english } from "../words/en/drift";
import { expected, moved, valueOf, verdict, type Group } from "./sentences";

const ITEM: MeasureItem = { measure: "probability", value: 0.52, training: 0.33, low: 0.27, high: 0.38, shift: "higher", patches: 1000, patients: 12 };

function group(...measures: MeasureItem[]): Group {
  return { kind: "patches", count: 1000, hasReference: true, measures, shares: null };
}

test("a measure that moved is told with its value, what is expected, and what to do", () => {
  const [sentence] = moved(group(ITEM), english);

  expect(sentence?.text).toBe("In the latest 1,000 patches of 12 patients, P(IDC) is higher than in training: 0.52, where 0.27 to 0.38 is expected.");
  expect(sentence?.advice).toContain("Review");
});

test("the sentence is German in German", () => {
  const [sentence] = moved(group({ ...ITEM, measure: "stain_hue_deg", value: 170, low: 130, high: 150 }), german);

  expect(sentence?.text).toContain("rosa");
});

test("slides are told as slides, with another advice where the table has no stain", () => {
  const [sentence] = moved({ ...group({ ...ITEM, patients: 1 }), kind: "slides" }, english);

  expect(sentence?.text).toMatch(/^In the latest 1,000 patches of one slide, P\(IDC\) is higher/);
  expect(sentence?.advice).toContain("focus of these slides");
});

test("what has not moved is not told", () => {
  expect(moved(group({ ...ITEM, shift: "none" }, { ...ITEM, shift: "unknown" }), english)).toEqual([]);
});

test("a share is in percent, and none is expected below zero or above all", () => {
  expect(valueOf("unfamiliar", 0.015)).toBe("1.5%");
  expect(expected({ ...ITEM, measure: "unfamiliar", low: -0.01, high: 0.04 }, english)).toBe("0% to 4%");
  expect(expected({ ...ITEM, measure: "uncertain", low: 0.5, high: 1.1 }, english)).toBe("50% to 100%");
});

test("the verdict names the first thing that keeps one from saying more", () => {
  expect(verdict({ ...group(ITEM), count: 0 })).toBe("empty");
  expect(verdict({ ...group(ITEM), hasReference: false })).toBe("no-reference");
  expect(verdict(group({ ...ITEM, shift: "unknown" }))).toBe("unknown");
  expect(verdict(group({ ...ITEM, shift: "none" }, { ...ITEM, shift: "unknown" }))).toBe("same");
  expect(verdict(group({ ...ITEM, shift: "none" }, ITEM))).toBe("moved");
});
