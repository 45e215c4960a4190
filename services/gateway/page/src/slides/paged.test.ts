import { afterEach, expect, test, vi } from "vitest";

import { Paged } from "./paged.svelte";

type Thing = { id: string; received_at: string; state?: string };

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 12, 0) + minute * 60_000).toISOString();
/** 500 things, newest first. */
const STORED: Thing[] = Array.from({ length: 500 }, (_, place) => ({ id: `t${place}`, received_at: at(500 - place) }));

function serve(stored: Thing[]) {
  const answer = vi.fn(async (path: string) => {
    const query = new URL(path, "http://page").searchParams;
    const from = Number(query.get("cursor") ?? 0);
    const to = from + Number(query.get("limit"));
    return Response.json({ items: stored.slice(from, to), next_cursor: to < stored.length ? String(to) : null, total: stored.length });
  });
  vi.stubGlobal("fetch", answer);
  return answer;
}

afterEach(() => vi.unstubAllGlobals());

test("the first page is loaded, then what follows, each thing once", async () => {
  serve(STORED);
  const list = new Paged<Thing>("/things");
  await list.load("");
  expect([list.items.length, list.total, list.goesOn]).toEqual([100, 500, true]);
  expect(list.from).toBe(STORED[99]!.received_at);
  while (list.goesOn) await list.more("");
  expect(list.items).toEqual(STORED);
  expect(list.from).toBeNull();
});

test("loading again brings as many as are shown", async () => {
  serve(STORED);
  const list = new Paged<Thing>("/things");
  await list.load("");
  await list.more("");
  await list.load("");
  expect(list.items).toEqual(STORED.slice(0, 300));
});

test("a new state takes the place of the old one, and a new thing comes first", async () => {
  serve(STORED.slice(0, 3));
  const list = new Paged<Thing>("/things");
  await list.load("");
  list.take({ id: "t1", received_at: STORED[1]!.received_at, state: "done" });
  list.take({ id: "new", received_at: at(1000) });
  expect(list.items.map(({ id, state }) => [id, state])).toEqual([["new", undefined], ["t0", undefined], ["t1", "done"], ["t2", undefined]]);
  expect(list.total).toBe(4);
});

test("a change of what is not loaded yet is left to its page", async () => {
  serve(STORED);
  const list = new Paged<Thing>("/things");
  await list.load("");
  list.take(STORED[400]!);
  expect(list.items.length).toBe(100);
});

test("the answer to an outdated search is not shown", async () => {
  serve(STORED);
  const list = new Paged<Thing>("/things");
  const outdated = list.load("a");
  serve(STORED.slice(0, 1));
  await Promise.all([outdated, list.load("ab")]);
  expect(list.items.map(({ id }) => id)).toEqual(["t0"]);
});

test("what follows waits for a load that is on its way", async () => {
  serve(STORED);
  const list = new Paged<Thing>("/things");
  await list.load("");
  await list.more("");
  await Promise.all([list.load(""), list.more(""), list.load(""), list.more("")]);
  while (list.goesOn) await list.more("");
  expect(list.items).toEqual(STORED);
});

test("a change during a load wins over the load's older answer", async () => {
  const answers: (() => void)[] = [];
  const page = { items: STORED.slice(0, 3), next_cursor: null, total: 3 };
  vi.stubGlobal("fetch", () => new Promise((answer) => answers.push(() => answer(Response.json(page)))));
  const list = new Paged<Thing>("/things");
  const loading = list.load("");
  list.take({ ...STORED[1]!, state: "done" });
  list.remove("t2");
  list.take({ id: "new", received_at: at(1000) });
  answers[0]!();
  await loading;
  expect(list.items.map(({ id, state }) => [id, state])).toEqual([["new", undefined], ["t0", undefined], ["t1", "done"]]);
  expect(list.total).toBe(3);
});

test("a change while a further page loads wins over that page", async () => {
  serve(STORED);
  const list = new Paged<Thing>("/things");
  await list.load("");
  const more = list.more("");
  list.take({ ...STORED[150]!, state: "done" });
  list.remove("t151");
  await more;
  expect(list.items.slice(149, 152).map(({ id, state }) => [id, state])).toEqual([["t149", undefined], ["t150", "done"], ["t152", undefined]]);
});
