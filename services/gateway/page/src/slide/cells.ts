// What the page computes of a slide's cells: decisions at another cut, areas, histogram, the map's colours.

import type { Decision, Reason, SlideCells, SlideCut } from "../interface/types";

/** Area of a cell: 0.2 mm x 0.2 mm. */
export const CELL_MM2 = 0.04;

export type Cell = { column: number; row: number };
export type Cut = Pick<SlideCut, "logit" | "low_logit" | "high_logit">;
export type Counts = Record<Decision, number>;

/**
 * The decision of a cell by its score with its neighbours, in logits.
 *
 * A reason other than the cut (little tissue, unfamiliar, out of focus) leaves the cell uncertain at any cut.
 */
export function decide(logit: number, reasons: readonly Reason[], cut: Cut): Decision {
  if (reasons.some((reason) => reason !== "between_thresholds")) return "uncertain";
  if (logit >= cut.high_logit) return "idc";
  return logit < cut.low_logit ? "no_idc" : "uncertain";
}

/** The cut moved by so much, in logits. */
export function moved(cut: Cut, by: number): Cut {
  return { logit: cut.logit + by, low_logit: cut.low_logit + by, high_logit: cut.high_logit + by };
}

/** The decisions of all cells at a cut. */
export function decideAll(cells: SlideCells, cut: Cut): Decision[] {
  return cells.logit.map((logit, index) => decide(logit, cells.reasons[index]!, cut));
}

export function countsOf(decisions: readonly Decision[]): Counts {
  const counts: Counts = { idc: 0, uncertain: 0, no_idc: 0 };
  for (const decision of decisions) counts[decision] += 1;
  return counts;
}

/** Numbers of values in equal bins from `low` to `high`; values outside count in the first or last bin. */
export function histogram(values: readonly number[], low: number, high: number, bins: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  const width = (high - low) / bins;
  for (const value of values) {
    const bin = Math.min(bins - 1, Math.max(0, Math.floor((value - low) / width)));
    counts[bin]! += 1;
  }
  return counts;
}

const BELOW = [33, 102, 172] as const;
const AT_CUT = [247, 247, 247] as const;
const ABOVE = [179, 88, 6] as const;
/** Logits from the cut at which the colour is full. */
const FULL_AT = 4;

/** Red, green, blue (0-255) of a cell's score in logits: blue below the cut, white at it, orange above; told apart by colour-blind people. */
export function colourOf(logit: number, cut: Cut): [number, number, number] {
  const share = Math.min(1, Math.abs(logit - cut.logit) / FULL_AT);
  const end = logit < cut.logit ? BELOW : ABOVE;
  const mixed = (channel: 0 | 1 | 2) => Math.round(AT_CUT[channel] + share * (end[channel] - AT_CUT[channel]));
  return [mixed(0), mixed(1), mixed(2)];
}

/** P(IDC) of a logit. */
export function probabilityOf(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

/** Area in mm2 of the cells whose decision hangs on where the cut lies, within so many logits of it. */
export function areaAround(cells: SlideCells, cut: Cut, within: number): number {
  const isNear = (logit: number, index: number) => Math.abs(logit - cut.logit) <= within && cells.reasons[index]!.every((reason) => reason === "between_thresholds");
  return cells.logit.filter(isNear).length * CELL_MM2;
}
