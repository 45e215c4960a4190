// How decisions spread over patients: the mean over all patches hides the patient for whom the model fails.

import type { Counts, PatientDecisions } from "./figures";

/** With fewer patches of a class, a patient's share is mostly noise. */
export const LEAST_PATCHES = 10;

/** One patient's patches of one class: shares of all of them. */
export type Bar = { patient: string; patches: number; right: number; uncertain: number; wrong: number };

export type TrueClass = "positives" | "negatives";

/** A bar for each patient with enough patches of the class, the fewest wrong first. */
export function bars(patients: PatientDecisions[], trueClass: TrueClass): Bar[] {
  const right: keyof Counts = trueClass === "positives" ? "idc" : "no_idc";
  const wrong: keyof Counts = trueClass === "positives" ? "no_idc" : "idc";
  return patients
    .map(({ patient, [trueClass]: counts }) => ({ patient, counts, patches: counts.idc + counts.uncertain + counts.no_idc }))
    .filter(({ patches }) => patches >= LEAST_PATCHES)
    .map(({ patient, counts, patches }) => ({
      patient,
      patches,
      right: counts[right] / patches,
      uncertain: counts.uncertain / patches,
      wrong: counts[wrong] / patches,
    }))
    .sort((a, b) => a.wrong - b.wrong || b.right - a.right);
}

/** The value below which a share of the sorted values lies, between neighbours by their distance. */
export function quantile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const low = sorted[Math.floor(place)] ?? NaN;
  const high = sorted[Math.ceil(place)] ?? NaN;
  return low + (high - low) * (place - Math.floor(place));
}
