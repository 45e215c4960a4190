// The order of the work list's rows.

import type { Slide } from "../interface/types";

export type Column = "name" | "tissue" | "idc" | "uncertain" | "reviewed" | "state" | "received";

const KEYS: Record<Column, (slide: Slide) => number | string> = {
  name: (slide) => slide.name,
  tissue: (slide) => slide.tissue?.mm2 ?? -1,
  idc: (slide) => slide.idc?.mm2 ?? -1,
  uncertain: (slide) => slide.uncertain?.mm2 ?? -1,
  reviewed: (slide) => slide.counts?.reviewed ?? 0,
  state: (slide) => slide.state,
  received: (slide) => slide.received_at,
};

/** The slides by one column; those with equal values keep their order. */
export function sorted(slides: Slide[], column: Column, isDescending: boolean): Slide[] {
  const key = KEYS[column];
  const sign = isDescending ? -1 : 1;
  return slides.toSorted((a, b) => {
    const [left, right] = [key(a), key(b)];
    if (typeof left === "string") return sign * left.localeCompare(String(right), undefined, { numeric: true });
    return sign * (left - Number(right));
  });
}
