import { expect, test } from "vitest";

import type { SlideCells } from "../interface/types";
import { beforeReviews } from "./before_reviews";

const CUT = { logit: 0, low_logit: -0.5, high_logit: 0.5, moved_by: 0, reviews: 0, explanation: "" };
const REVIEWED: SlideCells = {
  column: [0, 1, 2], row: [0, 0, 0], probability: [0.5, 0.6, 0.7], left_out: {},
  logit: [1, 0.2, 0.1], decision: ["idc", "uncertain", "uncertain"], reasons: [[], ["between_thresholds"], ["between_thresholds", "out_of_focus"]],
  model_logit: [0, 2, 3], model_decision: ["uncertain", "idc", "uncertain"], model_cut: CUT,
};

test("scores, decisions and reasons before the reviews are the model's own", () => {
  const { logit, decision, reasons } = beforeReviews(REVIEWED);

  expect(logit).toEqual([0, 2, 3]);
  expect(decision).toEqual(["uncertain", "idc", "uncertain"]);
  expect(reasons).toEqual([["between_thresholds"], [], ["out_of_focus"]]);
});

test("cells of a slide that nobody has reviewed are as they are", () => {
  const fresh = { ...REVIEWED, model_logit: [], model_decision: [], model_cut: null };
  expect(beforeReviews(fresh)).toBe(fresh);
});
