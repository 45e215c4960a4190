// The class that a patch's name carries, as those of the public data set do: `8975_idx5_x1001_y1351_class1.png`.

import type { Classification, Decision } from "../interface/types";

const CLASS = /_class([01])(?:\.\w+)?$/;

export type Truth = "idc" | "no_idc";
/** Number of patches of each class (rows) that got each decision (columns). */
export type ConfusionMatrix = Record<Truth, Record<Decision, number>>;

/** The class of a name; null where it carries none. */
export function truthOf(name: string): Truth | null {
  const found = CLASS.exec(name);
  return found === null ? null : found[1] === "1" ? "idc" : "no_idc";
}

/** Count decisions by the class that the names carry; results without one are left out. */
export function confusionMatrix(results: Pick<Classification, "name" | "decision">[]): ConfusionMatrix {
  const counts = () => ({ idc: 0, uncertain: 0, no_idc: 0 });
  const matrix = { idc: counts(), no_idc: counts() };
  for (const { name, decision } of results) {
    const truth = truthOf(name);
    if (truth !== null) matrix[truth][decision] += 1;
  }
  return matrix;
}
