import { expect, test } from "vitest";

import type { Folder, Slide } from "../interface/types";
import { nameOf, type Row } from "./rows";
import { sorted } from "./sorting";

function slide(name: string, mm2: number | null): Row {
  return { kind: "slide", slide: { name, state: "done", received_at: "2026-01-01T00:00:00Z", idc: mm2 === null ? null : { mm2 } } as Slide };
}

function folder(name: string, idc: number): Row {
  const counts = { idc, uncertain: 0, no_idc: 0, left_out: 0, reviewed: 0 };
  return { kind: "folder", folder: { name, counts, state: "done", received_at: "2026-01-02T00:00:00Z" } as Folder };
}

test("names are sorted as people count, whatever they name", () => {
  const names = sorted([slide("b10", null), folder("b9", 0), slide("a", null)], "name", false).map(nameOf);
  expect(names).toEqual(["a", "b9", "b10"]);
});

test("slides without an area come last where the largest come first", () => {
  const names = sorted([slide("none", null), slide("small", 0), slide("large", 12)], "area", true).map(nameOf);
  expect(names).toEqual(["large", "small", "none"]);
});

test("folders and slides are sorted together by their patches with IDC", () => {
  const names = sorted([slide("none", null), folder("few", 2), folder("many", 10)], "patches", true).map(nameOf);
  expect(names).toEqual(["many", "few", "none"]);
});

test("ten thousand rows are sorted", () => {
  const rows = Array.from({ length: 10_000 }, (_, place) => folder(`f${(place * 7919) % 10_000}`, place));
  expect(sorted(rows, "name", false).slice(0, 3).map(nameOf)).toEqual(["f0", "f1", "f2"]);
});
