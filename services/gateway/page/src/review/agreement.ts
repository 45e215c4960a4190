// How far readers agree: disagreements, and Cohen's kappa (Cohen 1960).

import type { CellReview, Decision, SlideVerdict } from "../interface/types";

/** Two answers for the same cell. */
export type Pair = [string, string];

/**
 * Cohen's kappa of pairs of answers.
 *
 * Null without pairs, and where both always gave the same single answer: chance alone would then agree as well.
 */
export function kappa(pairs: readonly Pair[]): number | null {
  const answers = new Set(pairs.flat());
  const share = (count: number) => count / pairs.length;
  const agreed = share(pairs.filter(([a, b]) => a === b).length);
  let expected = 0;
  for (const answer of answers) {
    expected += share(pairs.filter(([a]) => a === answer).length) * share(pairs.filter(([, b]) => b === answer).length);
  }
  return pairs.length === 0 || expected === 1 ? null : (agreed - expected) / (1 - expected);
}

const placeOf = ({ column, row }: { column: number; row: number }) => `${column} ${row}`;

/** The reviews of each cell, by its place. */
export function byCell(reviews: readonly CellReview[]): CellReview[][] {
  return [...Map.groupBy(reviews, placeOf).values()];
}

/** Cells for which the readers gave different answers. */
export function disagreements(reviews: readonly CellReview[]): CellReview[][] {
  return byCell(reviews).filter((group) => new Set(group.map(({ verdict }) => verdict)).size > 1);
}

export type Agreement = { first: string; second: string; cells: number; kappa: number | null };

/** A reader's answer before they saw another's. */
const blindOf = (review: CellReview | undefined) => review?.blind_verdict ?? review?.verdict;

/** The agreement of each two readers by their blind answers, on the cells that both reviewed. */
export function betweenReaders(reviews: readonly CellReview[]): Agreement[] {
  const readers = [...new Set(reviews.map(({ reviewer }) => reviewer))].sort();
  const groups = byCell(reviews);
  return readers.flatMap((first, place) =>
    readers.slice(place + 1).flatMap((second) => {
      const pairs = groups.flatMap((group): Pair[] => {
        const [a, b] = [first, second].map((name) => blindOf(group.find(({ reviewer }) => reviewer === name)));
        return a && b ? [[a, b]] : [];
      });
      return pairs.length === 0 ? [] : [{ first, second, cells: pairs.length, kappa: kappa(pairs) }];
    }),
  );
}

/** The pairs of a reader's answers without the model's and the model's decisions; cells for which either is undecided are left out. */
export function withModel(reviews: readonly CellReview[], decisionAt: (review: CellReview) => Decision | undefined): Pair[] {
  const isDecided = (answer: SlideVerdict | Decision | undefined) => answer === "idc" || answer === "no_idc";
  return reviews.flatMap((review): Pair[] => {
    const decision = decisionAt(review);
    const verdict = review.unaided_verdict ?? undefined;
    return verdict && isDecided(verdict) && isDecided(decision) ? [[verdict, decision!]] : [];
  });
}
