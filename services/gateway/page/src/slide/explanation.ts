// Where a slide's cut lies and why, in the page's language.

import type { OperatingPoints, SlideCut } from "../interface/types";
import { signed } from "../words/format";
import { words } from "../words/words.svelte";

/** Such a shift, in deviations of the shift between slides, is an ordinary one; as in packages/slidescores. */
const SMALL = 0.25;
/** A posterior this wide has learnt next to nothing from the slide. */
const VAGUE = 0.9;

/** Some sentences on a slide's cut. */
export function explanation(cut: SlideCut, points: OperatingPoints | null): string {
  const w = words().slide.explained;
  if (cut.deviation == null) return points?.patients ? w.tooFew : w.noDistribution;
  const ordinary = points?.shift_deviation ?? 0;
  const by = signed(cut.moved_by, 1);
  const sentences = [Math.abs(cut.moved_by) < SMALL * ordinary ? w.like(by) : cut.moved_by > 0 ? w.high(by) : w.low(by)];
  if (cut.reviews) sentences.push(w.reviews(cut.reviews));
  if (cut.reviews && points?.reviews_spread) sentences.push(w.spread);
  if (points?.shift_deviation && cut.deviation > VAGUE * ordinary) sentences.push(w.vague);
  return sentences.join(" ");
}
