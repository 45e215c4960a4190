// What the page computes of a slide's cells: decisions at another cut, areas, histogram, hot spots, the map's colours.

import type { Decision, Reason, SlideCells, SlideCut } from "../interface/types";

/** Area of a cell: 0.2 mm x 0.2 mm. */
export const CELL_MM2 = 0.04;

export type Cell = { column: number; row: number };
export type Cut = Pick<SlideCut, "low_logit" | "high_logit">;
export type Counts = Record<Decision, number>;

/**
 * The decision of a cell by its mean logit.
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
  return { low_logit: cut.low_logit + by, high_logit: cut.high_logit + by };
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

export type HotSpot = { cells: number[]; column: number; row: number; mm2: number; highest: number };

/** Groups of adjacent IDC cells (corners count), largest first: indices of their cells, centre, area, highest P(IDC). */
export function hotSpots(cells: SlideCells, decisions: readonly Decision[]): HotSpot[] {
  const waiting = new Map<string, number>();
  decisions.forEach((decision, index) => {
    if (decision === "idc") waiting.set(`${cells.column[index]} ${cells.row[index]}`, index);
  });
  const groups: HotSpot[] = [];
  for (const [key, index] of waiting) {
    waiting.delete(key);
    groups.push(spotOf(cells, grown(cells, index, waiting)));
  }
  return groups.toSorted((a, b) => b.cells.length - a.cells.length || b.highest - a.highest);
}

/** The cells that are connected with the first one; they are taken out of those that wait. */
function grown(cells: SlideCells, first: number, waiting: Map<string, number>): number[] {
  const group = [first];
  for (const index of group) {
    for (const [right, down] of NEIGHBOURS) {
      const key = `${cells.column[index]! + right} ${cells.row[index]! + down}`;
      const neighbour = waiting.get(key);
      if (neighbour === undefined) continue;
      waiting.delete(key);
      group.push(neighbour);
    }
  }
  return group;
}

const NEIGHBOURS = [-1, 0, 1].flatMap((right) => [-1, 0, 1].map((down) => [right, down] as const)).filter(([a, b]) => a !== 0 || b !== 0);

function spotOf(cells: SlideCells, group: number[]): HotSpot {
  const mean = (values: readonly number[]) => group.reduce((sum, index) => sum + values[index]!, 0) / group.length;
  return {
    cells: group,
    column: mean(cells.column),
    row: mean(cells.row),
    mm2: group.length * CELL_MM2,
    highest: group.reduce((highest, index) => Math.max(highest, cells.probability[index]!), 0),
  };
}

const BELOW = [33, 102, 172] as const;
const AT_CUT = [247, 247, 247] as const;
const ABOVE = [179, 88, 6] as const;
/** Logits from the cut at which the colour is full. */
const FULL_AT = 4;

/** Red, green, blue (0-255) of a mean logit: blue below the cut, white at it, orange above; told apart by colour-blind people. */
export function colourOf(logit: number, cut: Cut): [number, number, number] {
  const middle = (cut.low_logit + cut.high_logit) / 2;
  const share = Math.min(1, Math.abs(logit - middle) / FULL_AT);
  const end = logit < middle ? BELOW : ABOVE;
  const mixed = (channel: 0 | 1 | 2) => Math.round(AT_CUT[channel] + share * (end[channel] - AT_CUT[channel]));
  return [mixed(0), mixed(1), mixed(2)];
}

/** P(IDC) of a logit. */
export function probabilityOf(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}
