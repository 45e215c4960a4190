// Sensitivity and specificity of a cut, as training measured them on patients that it had not seen.

import type { OperatingPoints } from "../interface/types";

export type Figures = { sensitivity: number; specificity: number };

/** The figures at a cut, between two points in proportion; null where the model has none. */
export function figuresAt(points: OperatingPoints | null, cut: number): Figures | null {
  const logits = points?.logit ?? [];
  if (points === null || logits.length === 0) return null;
  const above = logits.findIndex((logit) => logit >= cut);
  const high = above === -1 ? logits.length - 1 : above;
  const low = Math.max(0, high - 1);
  const width = logits[high]! - logits[low]!;
  const share = width === 0 ? 0 : Math.min(1, Math.max(0, (cut - logits[low]!) / width));
  const between = (values: readonly number[]) => values[low]! + share * (values[high]! - values[low]!);
  return { sensitivity: between(points.sensitivity!), specificity: between(points.specificity!) };
}
