import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { OpenSlide } from "../slide/open_slide.svelte";
import { saving } from "./answers.svelte";
import { answerAt, unstoredAt } from "./chosen_cells";
import { queueOf, type ReviewQueue } from "./queue.svelte";

type Sent = { what: string; answer: (response: Response) => void };

const NEXT = Array.from({ length: 5 }, (_, column) => ({ column, row: 0, chosen: "nearest_cut" }));
let sent: Sent[] = [];

/** Each change waits until the test answers it; a list of cells to review is there at once. */
beforeEach(() => {
  sent = [];
  vi.stubGlobal("fetch", (path: string, { method, body }: RequestInit) => {
    if (path.includes("next-reviews")) return Promise.resolve(Response.json(NEXT));
    const place = path.split("/reviews")[1]!.slice(1) || "many";
    const verdict = body ? ` ${(JSON.parse(body as string) as { verdict: string }).verdict}` : "";
    return new Promise<Response>((answer) => sent.push({ what: `${method} ${place}${verdict}`, answer }));
  });
});

afterEach(() => vi.unstubAllGlobals());

/** A queue of five cells. */
async function loaded(slide: string): Promise<ReviewQueue> {
  const queue = queueOf(new OpenSlide(slide), "reader", "first");
  await queue.load();
  return queue;
}

/** Answer the request that runs, once it is sent. */
async function respond(what: string, status = 200): Promise<void> {
  await vi.waitFor(() => expect(sent.map((one) => one.what)).toEqual([what]));
  sent.pop()!.answer(Response.json(status === 200 ? {} : { detail: "the disk is full" }, { status }));
}

const told = (queue: ReviewQueue) => queue.entries.map(({ answer }) => answer && `${answer.verdict} ${answer.state}`);
const quiet = (done: Promise<void>) => void done.catch(() => null);

test("answers that are given while one is being saved are saved after it, in order", async () => {
  const queue = await loaded("order");
  const all = (["idc", "no_idc", "unsure"] as const).map((verdict) => {
    const done = queue.answer(verdict, "");
    queue.step(1);
    return done;
  });
  expect([queue.done, saving.waiting]).toEqual([3, 3]);

  await respond("PUT 0/0 idc");
  await respond("PUT 1/0 no_idc");
  await respond("PUT 2/0 unsure");
  await Promise.all(all);

  expect(told(queue)).toEqual(["idc saved", "no_idc saved", "unsure saved", null, null]);
  expect(saving.waiting).toBe(0);
});

test("an answer that is not saved keeps its patch and its comment, and the ones behind it are saved", async () => {
  const queue = await loaded("failure");
  quiet(queue.answer("idc", "mitosis"));
  queue.step(1);
  const second = queue.answer("no_idc", "");
  await respond("PUT 0/0 idc", 507);
  await respond("PUT 1/0 no_idc");
  await second;

  expect(told(queue)).toEqual(["idc failed", "no_idc saved", null, null, null]);
  expect(queue.unsaved.map(({ column, answer }) => [column, answer!.comment, answer!.reason])).toEqual([[0, "mitosis", "the disk is full"]]);
  expect(queue.done).toBe(1);

  const again = queue.saveAgain();
  await respond("PUT 0/0 idc");
  await again;
  expect(told(queue).slice(0, 2)).toEqual(["idc saved", "no_idc saved"]);
});

test("undo of an answer that is still being saved takes it back once it is saved", async () => {
  const queue = await loaded("undo");
  const given = queue.answer("idc", "");
  queue.step(1);
  const undone = queue.undo();
  expect([told(queue)[0], queue.place, queue.canUndo]).toEqual([null, 0, false]);

  await respond("PUT 0/0 idc");
  await respond("DELETE 0/0");
  await Promise.all([given, undone]);
});

test("undo of a second answer brings the first one back", async () => {
  const queue = await loaded("second");
  const first = queue.answer("idc", "");
  await respond("PUT 0/0 idc");
  await first;
  const second = queue.answer("unsure", "");
  await respond("PUT 0/0 unsure");
  await second;

  const undone = queue.undo();
  await respond("PUT 0/0 idc");
  await undone;

  expect(told(queue)[0]).toBe("idc saved");
});

test("undo of an answer that was not saved leaves the patch unanswered", async () => {
  const queue = await loaded("unsaved");
  quiet(queue.answer("idc", ""));
  await respond("PUT 0/0 idc", 507);
  await vi.waitFor(() => expect(queue.unsaved.length).toBe(1));

  const undone = queue.undo();
  await respond("DELETE 0/0", 404);
  await undone;

  expect([queue.unsaved, told(queue)[0]]).toEqual([[], null]);
});

test("an answer that may not be taken back counts as before", async () => {
  const queue = await loaded("refused");
  const given = queue.answer("idc", "");
  await respond("PUT 0/0 idc");
  await given;

  const undone = queue.undo();
  quiet(undone);
  await respond("DELETE 0/0", 409);
  await expect(undone).rejects.toThrow("the disk is full");

  expect([told(queue)[0], queue.canUndo]).toEqual(["idc saved", true]);
});

test("one answer for several patches is one request, and fails for all of them", async () => {
  const queue = await loaded("several");
  queue.selectTo(2);
  quiet(queue.answer("no_idc", ""));
  await respond("POST many no_idc", 503);
  await vi.waitFor(() => expect(queue.unsaved.map(({ column }) => column)).toEqual([0, 1, 2]));

  const again = queue.saveAgain();
  await respond("POST many no_idc");
  await again;
  expect(queue.done).toBe(3);
});

test("a reader who comes back finds what was not saved, and nobody else does", async () => {
  const queue = await loaded("left");
  quiet(queue.answer("idc", ""));
  await respond("PUT 0/0 idc", 507);
  await vi.waitFor(() => expect(queue.unsaved.length).toBe(1));

  expect(queueOf(new OpenSlide("left"), "reader", "first")).toBe(queue);
  expect(queueOf(new OpenSlide("left"), "other", "first")).not.toBe(queue);

  const again = queue.saveAgain();
  await respond("PUT 0/0 idc");
  await again;
  expect(queueOf(new OpenSlide("left"), "reader", "first")).not.toBe(queue);
});

test("a patch of the map whose answer was not saved is answered no more once that is taken back", async () => {
  const queue = queueOf(new OpenSlide("map"), "reader", "map");
  const cell = { column: 7, row: 3 };
  quiet(answerAt(queue, cell, "idc", ""));
  await respond("PUT 7/3 idc", 507);
  await vi.waitFor(() => expect(unstoredAt(queue, cell)?.state).toBe("failed"));

  const withdrawn = queue.withdraw(cell);
  await respond("DELETE 7/3", 404);
  await withdrawn;

  expect([queue.unsaved, unstoredAt(queue, cell)]).toEqual([[], undefined]);
});
