import { expect, test } from "vitest";

import type { MeasureItem, PatchStatistics } from "../interface/types";
import { drift as german } from "../words/de/drift";
import { drift as english } from "../words/en/drift";
import { expected, moved, valueOf, verdict } from "./sentences";

const ITEM: MeasureItem = { measure: "probability", value: 0.52, training: 0.33, low: 0.27, high: 0.38, shift: "higher", patches: 1000, patients: 12 };

function statistics(...measures: MeasureItem[]): PatchStatistics {
  return {
    version: "3", has_reference: true, false_alarms: 0.01, patches: 1000, other_models: 0, patients: 12, unnamed: 0,
    oldest_at: null, newest_at: null, measures, probability_shares: null, training_probability_shares: null,
  };
}

test("a measure that moved is told with its value, what is expected, and what to do", () => {
  const [sentence] = moved(statistics(ITEM), english);

  expect(sentence?.text).toBe("In the latest 1,000 patches of 12 patients, P(IDC) is higher than in training: 0.52, where 0.27 to 0.38 is expected.");
  expect(sentence?.advice).toContain("Review");
});

test("the sentence is German in German", () => {
  const [sentence] = moved(statistics({ ...ITEM, measure: "stain_hue_deg", value: 170, low: 130, high: 150 }), german);

  expect(sentence?.text).toContain("rosa");
});

test("what has not moved is not told", () => {
  expect(moved(statistics({ ...ITEM, shift: "none" }, { ...ITEM, shift: "unknown" }), english)).toEqual([]);
});

test("a share is in percent, and none is expected below zero or above all", () => {
  expect(valueOf("unfamiliar", 0.015)).toBe("1.5%");
  expect(expected({ ...ITEM, measure: "unfamiliar", low: -0.01, high: 0.04 }, english)).toBe("0% to 4%");
  expect(expected({ ...ITEM, measure: "uncertain", low: 0.5, high: 1.1 }, english)).toBe("50% to 100%");
});

test("the verdict names the first thing that keeps one from saying more", () => {
  expect(verdict({ ...statistics(ITEM), patches: 0 })).toBe("empty");
  expect(verdict({ ...statistics(ITEM), has_reference: false })).toBe("no-reference");
  expect(verdict(statistics({ ...ITEM, shift: "unknown" }))).toBe("unknown");
  expect(verdict(statistics({ ...ITEM, shift: "none" }, { ...ITEM, shift: "unknown" }))).toBe("same");
  expect(verdict(statistics({ ...ITEM, shift: "none" }, ITEM))).toBe("moved");
});
