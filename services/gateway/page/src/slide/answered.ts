// A reader's review of a patch after a further answer, as the slides service keeps it (records/given_reviews.py).

import type { CellReview, SlideVerdict } from "../interface/types";

export type Given = { column: number; row: number; verdict: SlideVerdict; reviewer: string; comment: string | null; model_shown: boolean };

/** `isBlind`: nobody else's answer for this patch was shown to the reader. */
export function answered(before: CellReview | undefined, given: Given, isBlind: boolean): CellReview {
  const isWithout = !given.model_shown && (before === undefined || before.model_shown === false);
  const model_shown = isWithout ? false : given.model_shown || before?.model_shown ? true : null;
  return {
    ...given,
    reviewed_at: new Date().toISOString(),
    model_shown,
    blind_verdict: isBlind ? given.verdict : (before?.blind_verdict ?? null),
    unaided_verdict: isBlind && isWithout ? given.verdict : (before?.unaided_verdict ?? null),
  };
}
