import { expect, test } from "vitest";

import type { CellReview, SlideVerdict } from "../interface/types";
import { answered } from "./answered";

/** A review after answers: each with whether the model's was shown before it, and whether nobody else's was. */
function after(...answers: [verdict: SlideVerdict, isShown: boolean, isBlind: boolean][]): CellReview {
  let review: CellReview | undefined;
  for (const [verdict, model_shown, isBlind] of answers) {
    review = answered(review, { column: 1, row: 2, verdict, reviewer: "ann", comment: null, model_shown }, isBlind);
  }
  return review!;
}

test("the last answer without the model's is the one that is compared with it", () => {
  expect(after(["unsure", false, true], ["no_idc", false, true]).unaided_verdict).toBe("no_idc");
  const review = after(["no_idc", false, true], ["idc", true, true], ["unsure", false, true]);
  expect([review.verdict, review.blind_verdict, review.unaided_verdict, review.model_shown]).toEqual(["unsure", "unsure", "no_idc", true]);
});

test("an answer given after the model's was shown, or may have been, does not count as given without it", () => {
  expect(after(["idc", true, true], ["no_idc", false, true]).unaided_verdict).toBeNull();
  const stored = { ...after(["idc", false, true]), model_shown: null, unaided_verdict: null };
  expect(answered(stored, { column: 1, row: 2, verdict: "idc", reviewer: "ann", comment: null, model_shown: false }, true).unaided_verdict).toBeNull();
});

test("an answer after another reader's was seen changes neither the blind one nor the one without the model's", () => {
  const review = after(["idc", false, true], ["no_idc", false, false]);
  expect([review.verdict, review.blind_verdict, review.unaided_verdict]).toEqual(["no_idc", "idc", "idc"]);
});
