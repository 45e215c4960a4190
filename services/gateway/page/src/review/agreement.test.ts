import { expect, test } from "vitest";

import type { CellReview, SlideVerdict } from "../interface/types";
import { betweenReaders, disagreements, kappa, withModel, type Pair } from "./agreement";

function review(column: number, reviewer: string, verdict: SlideVerdict): CellReview {
  return { column, row: 0, reviewer, verdict, reviewed_at: "2026-01-01T00:00:00Z", comment: null };
}

/** An answer of one reader that was given without the model's. */
function unaided(column: number, verdict: SlideVerdict): CellReview {
  return { ...review(column, "a", verdict), unaided_verdict: verdict, model_shown: false };
}

function repeated(count: number, pair: Pair): Pair[] {
  return Array.from({ length: count }, () => pair);
}

test("kappa is that of a known table", () => {
  // 20 both yes, 5 and 10 different, 15 both no: agreement 0.7, by chance 0.5
  const pairs = [...repeated(20, ["y", "y"]), ...repeated(5, ["y", "n"]), ...repeated(10, ["n", "y"]), ...repeated(15, ["n", "n"])];
  expect(kappa(pairs)).toBeCloseTo(0.4);
});

test("kappa is 1 for readers who always agree and -1 for those who never do", () => {
  expect(kappa([["a", "a"], ["b", "b"]])).toBe(1);
  expect(kappa([["a", "b"], ["b", "a"]])).toBe(-1);
});

test("kappa is not defined without pairs, or where chance alone explains all", () => {
  expect(kappa([])).toBeNull();
  expect(kappa(repeated(3, ["a", "a"]))).toBeNull();
});

test("only cells with different answers are disagreements", () => {
  const reviews = [review(1, "a", "idc"), review(1, "b", "no_idc"), review(2, "a", "idc"), review(2, "b", "idc"), review(3, "a", "unsure")];
  expect(disagreements(reviews)).toEqual([[reviews[0], reviews[1]]]);
});

test("readers are compared on the cells that both reviewed", () => {
  const reviews = [review(1, "b", "idc"), review(1, "a", "idc"), review(2, "a", "no_idc"), review(2, "b", "no_idc"), review(3, "a", "idc")];
  expect(betweenReaders(reviews)).toEqual([{ first: "a", second: "b", cells: 2, kappa: 1 }]);
});

test("a reader and the model are compared where both decided", () => {
  const reviews = [unaided(1, "idc"), unaided(2, "unsure"), unaided(3, "no_idc"), unaided(4, "idc")];
  const decisions = { 1: "no_idc", 2: "idc", 3: "no_idc", 4: "uncertain" } as const;
  expect(withModel(reviews, ({ column }) => decisions[column as 1])).toEqual([["idc", "no_idc"], ["no_idc", "no_idc"]]);
});

test("an answer that was given with the model's says nothing of agreement with it", () => {
  const aided = { ...review(1, "a", "idc"), blind_verdict: "idc" as const, model_shown: true };
  const changed = { ...unaided(2, "no_idc"), verdict: "idc" as const, blind_verdict: "idc" as const, model_shown: true };

  expect(withModel([aided, changed], () => "idc")).toEqual([["no_idc", "idc"]]);
});

test("an answer that was changed after another was seen counts as it was before", () => {
  const changed = { ...review(1, "b", "idc"), blind_verdict: "no_idc" as const };
  const reviews = [review(1, "a", "idc"), changed, review(2, "a", "no_idc"), review(2, "b", "no_idc")];

  expect(betweenReaders(reviews)[0]!.kappa).toBe(0);
  expect(disagreements(reviews)).toEqual([]);
});
