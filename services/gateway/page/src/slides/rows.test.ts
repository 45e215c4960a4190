import { expect, test } from "vitest";

import type { Folder, Slide } from "../interface/types";
import { countsOf, merged, nameOf, reviewedShare, stageOf, type Row } from "./rows";

const AT = (minute: number) => `2026-01-01T12:${String(minute).padStart(2, "0")}:00Z`;
const NOW = Date.parse(AT(30));

function slide(name: string, fields: Partial<Slide> = {}): Slide {
  return { id: name, name, state: "done", received_at: AT(0), counts: { idc: 3, uncertain: 1, no_idc: 4, reviewed: 2, left_out: { glass: 5, fat: 1 } }, ...fields } as Slide;
}

function folder(name: string, fields: Partial<Folder> = {}): Folder {
  const counts = { idc: 0, uncertain: 0, no_idc: 0, left_out: 0, reviewed: 0 };
  return { id: name, name, state: "done", files: 1, received_at: AT(0), received_by: "k", changed_at: AT(29), counts, left_out_files: [], ...fields };
}

const ofSlide = (fields?: Partial<Slide>): Row => ({ kind: "slide", slide: slide("s", fields) });
const ofFolder = (fields?: Partial<Folder>): Row => ({ kind: "folder", folder: folder("f", fields) });

test("patches that were left out of a slide are counted whatever their cause", () => {
  expect(countsOf(ofSlide())).toEqual({ idc: 3, uncertain: 1, no_idc: 4, reviewed: 2, left_out: 6 });
});

test("a slide that is not through has no counts", () => {
  expect(countsOf(ofSlide({ state: "running" }))).toBeNull();
});

test("the reviewed share is of patches with a decision", () => {
  expect(reviewedShare(ofSlide())).toBe(0.25);
  expect(reviewedShare(ofFolder())).toBeNull();
});

test("an open folder runs until its sender has been silent for long", () => {
  expect(stageOf(ofFolder({ state: "open" }), NOW)).toBe("running");
  expect(stageOf(ofFolder({ state: "open", changed_at: AT(20) }), NOW)).toBe("attention");
});

test("what failed, or waits for a person, needs attention", () => {
  expect(stageOf(ofSlide({ state: "failed" }), NOW)).toBe("attention");
  expect(stageOf(ofSlide({ state: "needs_scale" }), NOW)).toBe("attention");
  expect(stageOf(ofFolder({ counts: { idc: 1, uncertain: 0, no_idc: 0, left_out: 1, reviewed: 0 } }), NOW)).toBe("attention");
  expect(stageOf(ofFolder(), NOW)).toBe("done");
});

test("both kinds are one list, newest first", () => {
  const rows = merged([slide("old"), slide("new", { received_at: AT(9) })], [folder("between", { received_at: AT(5) })], null);
  expect(rows.map(nameOf)).toEqual(["new", "between", "old"]);
});

test("rows of which some may be missing yet are left out", () => {
  const rows = merged([slide("s9", { received_at: AT(9) })], [folder("f5", { received_at: AT(5) })], AT(9));
  expect(rows.map(nameOf)).toEqual(["s9"]);
});
