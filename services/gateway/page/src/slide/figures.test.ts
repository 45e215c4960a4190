import { expect, test } from "vitest";

import { figuresAt } from "./figures";

const POINTS = { patients: 9, shift_deviation: 1, reviews_spread: true, logit: [-1, 0, 1], sensitivity: [1, 0.9, 0.5], specificity: [0, 0.6, 1] };

test("figures at a point are its own, and between two points in proportion", () => {
  expect(figuresAt(POINTS, 0)).toEqual({ sensitivity: 0.9, specificity: 0.6 });
  expect(figuresAt(POINTS, 0.5)!.sensitivity).toBeCloseTo(0.7);
  expect(figuresAt(POINTS, 0.5)!.specificity).toBeCloseTo(0.8);
});

test("beyond the points nothing changes", () => {
  expect(figuresAt(POINTS, -9)).toEqual({ sensitivity: 1, specificity: 0 });
  expect(figuresAt(POINTS, 9)).toEqual({ sensitivity: 0.5, specificity: 1 });
});

test("a model without distributions has no figures", () => {
  expect(figuresAt({ patients: 0, shift_deviation: null, reviews_spread: false, logit: [], sensitivity: [], specificity: [] }, 0)).toBeNull();
  expect(figuresAt(null, 0)).toBeNull();
});
