// Answers to cells that the reader chose on the map, beside any queue that is asked for.

import type { CellReview, SlideVerdict } from "../interface/types";
import type { Cell } from "../slide/cells";
import type { Answer } from "./answers.svelte";
import type { ReviewQueue } from "./queue.svelte";
import { keyOf } from "./selection";

const placeOf = (queue: ReviewQueue, cell: Cell) => queue.entries.findIndex((entry) => keyOf(entry) === keyOf(cell));

/** Answer a cell, for the first time or again; as `ReviewQueue.answer`. */
export async function answerAt(queue: ReviewQueue, { column, row }: Cell, verdict: SlideVerdict, comment: string): Promise<void> {
  if (placeOf(queue, { column, row }) === -1) queue.entries.push({ column, row, chosen: null, answer: null });
  queue.go(placeOf(queue, { column, row }));
  await queue.answer(verdict, comment);
}

/** What the reader answered for a cell, as the slides service has it. */
export function storedAt(queue: ReviewQueue, cell: Cell): CellReview | undefined {
  return queue.open.reviews.find((review) => keyOf(review) === keyOf(cell) && review.reviewer === queue.reviewer);
}

/** The answer to a cell that the slides service does not have yet. */
export function unstoredAt(queue: ReviewQueue, cell: Cell): Answer | undefined {
  const answer = queue.entries[placeOf(queue, cell)]?.answer;
  return answer && answer.state !== "saved" ? answer : undefined;
}
