// What a model's bundle says of itself: the parts of its figures that the page shows.

import type { Model } from "../interface/types";

export type Counts = { idc: number; uncertain: number; no_idc: number };
export type PatientDecisions = { patient: string; positives: Counts; negatives: Counts };
export type OperatingPoint = {
  validation_misses?: number | null;
  validation_false_alarms?: number | null;
  validation_uncertain?: number | null;
};

type Figures = { operating_point?: OperatingPoint; reference?: { patients?: PatientDecisions[] } | null };

/** The operating point; empty where a server gives none. */
export function operatingPoint(model: Model): OperatingPoint {
  return (model.figures as Figures | null)?.operating_point ?? {};
}

/** What each held-out patient's patches were called; empty where the bundle does not say. */
export function heldOutPatients(model: Model): PatientDecisions[] {
  return (model.figures as Figures | null)?.reference?.patients ?? [];
}
