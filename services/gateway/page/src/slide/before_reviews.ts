// A slide's cells and figures as they were before anyone reviewed it: each answer moves the scores around it.

import type { OperatingPoints, Reason, SlideCells } from "../interface/types";

/** The cells as the model alone decides them. */
export function beforeReviews(cells: SlideCells): SlideCells {
  const { model_logit, model_decision, model_cut } = cells;
  if (!model_cut || !model_logit?.length || !model_decision?.length) return cells; // nothing was reviewed
  const isBetween = (logit: number) => logit >= model_cut.low_logit && logit < model_cut.high_logit;
  const reasons = cells.reasons.map((own, index): Reason[] => {
    const checks = own.filter((reason) => reason !== "between_thresholds");
    return isBetween(model_logit[index]!) ? ["between_thresholds", ...checks] : checks;
  });
  return { ...cells, logit: model_logit, decision: model_decision, reasons };
}

/** The figures of cuts on scores that lie so many logits elsewhere. */
export function movedPoints(points: OperatingPoints, by: number): OperatingPoints {
  return by === 0 ? points : { ...points, logit: (points.logit ?? []).map((logit) => logit + by) };
}
