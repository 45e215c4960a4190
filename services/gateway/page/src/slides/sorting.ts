// The order of the work list's rows.

import { countsOf, nameOf, receivedAt, reviewedShare, stageOf, type Row } from "./rows";

export type Column = "name" | "patches" | "area" | "reviewed" | "state" | "received";

const KEYS: Record<Column, (row: Row) => number | string> = {
  name: nameOf,
  patches: (row) => countsOf(row)?.idc ?? -1,
  area: (row) => (row.kind === "slide" ? (row.slide.idc?.mm2 ?? -1) : -1),
  reviewed: (row) => reviewedShare(row) ?? -1,
  state: (row) => stageOf(row, Date.now()),
  received: (row) => Date.parse(receivedAt(row)),
};

/** The rows by one column; those with equal values keep their order. */
export function sorted(rows: Row[], column: Column, isDescending: boolean): Row[] {
  const key = KEYS[column];
  const sign = isDescending ? -1 : 1;
  const keyed = rows.map((row) => ({ row, value: key(row) }));
  const collator = new Intl.Collator(undefined, { numeric: true });
  keyed.sort((a, b) => sign * (typeof a.value === "string" ? collator.compare(a.value, String(b.value)) : a.value - Number(b.value)));
  return keyed.map(({ row }) => row);
}
