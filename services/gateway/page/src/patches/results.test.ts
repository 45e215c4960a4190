import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Classification, Decision, Folder } from "../interface/types";
import { results } from "./results.svelte";

const COUNTS = { idc: 1, uncertain: 0, no_idc: 12_000 };
const FOLDER = { id: "f", counts: { ...COUNTS, left_out: 0, reviewed: 0 } } as Folder;

let stored: Pick<Classification, "id" | "decision" | "folder">[] = [];

function patch(id: string, decision: Decision, folder = "f") {
  return { id, decision, folder };
}

function pageOf(query: URLSearchParams) {
  const [from, limit] = [Number(query.get("cursor") ?? 0), Number(query.get("limit"))];
  const found = stored.filter(({ decision }) => [null, decision].includes(query.get("decision") as Decision | null));
  return { items: found.slice(from, from + limit), next_cursor: from + limit < found.length ? String(from + limit) : null };
}

beforeEach(() => {
  stored = [...Array.from({ length: 12_000 }, (_, place) => patch(`n${place}`, "no_idc")), patch("rare", "idc")];
  vi.stubGlobal("fetch", async (path: string) => {
    const { pathname, searchParams } = new URL(path, "http://page");
    if (pathname.endsWith("/counts")) return Response.json(COUNTS);
    return Response.json(pathname.includes("/folders/") ? FOLDER : pageOf(searchParams));
  });
});

afterEach(() => {
  results.clear();
  vi.unstubAllGlobals();
});

const shown = () => results.drawn.map(({ item }) => item.id);

test.each(["f", null])("the counts are those of all stored patches, however few are loaded (%s)", async (folder) => {
  await results.load(folder);
  expect(results.loaded.length).toBeLessThan(12_001);
  expect(results.counts).toEqual({ all: 12_001, idc: 1, uncertain: 0, no_idc: 12_000 });
});

test("a decision of which nothing is loaded yet is asked for", async () => {
  await results.load(null);
  await results.choose("idc");
  expect(shown()).toEqual(["rare"]);
  expect(results.goesOn).toBe(false);
  await results.choose("all");
  expect(shown()[0]).toBe("n0");
});

test("a folder that changed while it was asked for is shown as it was told", async () => {
  stored = [patch("rare", "idc")];
  const loading = results.load("f");
  results.take({ ...FOLDER, state: "done" });
  await loading;
  expect(results.folder?.state).toBe("done");
});

test("patches of a folder that is deleted while they are asked for are not shown", async () => {
  stored = [patch("a", "idc", "f"), patch("b", "idc", "g")];
  const loading = results.load(null);
  results.remove("f");
  await loading;
  expect(shown()).toEqual(["b"]);
});
