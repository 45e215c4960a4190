// The rows of the work list: slides, and folders of patches, with what both kinds have in common.

import type { Folder, Slide } from "../interface/types";

export type Row = { kind: "slide"; slide: Slide } | { kind: "folder"; folder: Folder };
/** Numbers of patches. */
export type Counts = { idc: number; uncertain: number; no_idc: number; left_out: number; reviewed: number };
/** What a reader asks of a row. */
export type Stage = "running" | "attention" | "done" | "cancelled";
export type Kind = "slide" | "folder";

const GIVEN_UP_MS = 90_000; // a form of patches takes seconds; a page that was closed says nothing more

export const idOf = (row: Row) => (row.kind === "slide" ? row.slide.id : row.folder.id);
export const nameOf = (row: Row) => (row.kind === "slide" ? row.slide.name : row.folder.name);
export const receivedAt = (row: Row) => (row.kind === "slide" ? row.slide.received_at : row.folder.received_at);

/** Patches by decision; null for a slide that is not through. */
export function countsOf(row: Row): Counts | null {
  if (row.kind === "folder") return row.folder.counts;
  const { state, counts } = row.slide;
  if (state !== "done" || !counts) return null;
  const { idc = 0, uncertain = 0, no_idc = 0, reviewed = 0 } = counts;
  return { idc, uncertain, no_idc, reviewed, left_out: sum(Object.values(counts.left_out ?? {})) };
}

/** Share of the patches with a decision that have a review, from 0 to 1; null where there is no patch. */
export function reviewedShare(row: Row): number | null {
  const counts = countsOf(row);
  const decided = counts ? counts.idc + counts.uncertain + counts.no_idc : 0;
  return counts && decided > 0 ? counts.reviewed / decided : null;
}

/** Whether the sender of a folder has said nothing for so long that nothing more will come. */
export function isGivenUp(folder: Folder, now: number): boolean {
  return folder.state === "open" && now - Date.parse(folder.changed_at) > GIVEN_UP_MS;
}

export function stageOf(row: Row, now: number): Stage {
  if (row.kind === "folder") {
    const { folder } = row;
    if (folder.state === "open") return isGivenUp(folder, now) ? "attention" : "running";
    return folder.state === "done" && folder.counts.left_out > 0 ? "attention" : folder.state;
  }
  const { state } = row.slide;
  if (state === "waiting" || state === "running") return "running";
  return state === "needs_scale" || state === "failed" ? "attention" : state;
}

/**
 * Both kinds as one list, newest first.
 *
 * Each kind is loaded page by page. Of rows that are older than the oldest loaded one of a kind that goes on, some may
 * be missing: they are left out until that kind is loaded further. `from` is that moment, or null.
 */
export function merged(slides: Slide[], folders: Folder[], from: string | null): Row[] {
  const rows: Row[] = [...slides.map((slide) => ({ kind: "slide" as const, slide })), ...folders.map((folder) => ({ kind: "folder" as const, folder }))];
  const whole = from === null ? rows : rows.filter((row) => Date.parse(receivedAt(row)) >= Date.parse(from));
  return whole.sort((a, b) => Date.parse(receivedAt(b)) - Date.parse(receivedAt(a)));
}

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
