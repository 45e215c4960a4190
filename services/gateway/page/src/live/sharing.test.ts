import { beforeEach, expect, test } from "vitest";

import { Sharing } from "./sharing";
import type { StreamEvent } from "./stream";

class Tab {
  told: StreamEvent[] = [];
  postMessage(told: StreamEvent) {
    this.told.push(told);
  }
  get kinds() {
    return this.told.map(({ kind }) => kind);
  }
}

let opened: string[] = [];
let sharing: Sharing;

beforeEach(() => {
  opened = [];
  sharing = new Sharing({ start: () => opened.push("start"), stop: () => opened.push("stop") });
});

function tab(as = "eva"): Tab {
  const one = new Tab();
  sharing.say(one, { as });
  return one;
}

const event = (kind: StreamEvent["kind"], document: unknown = {}): StreamEvent => ({ kind, document });

test("seven tabs have one stream, and each hears everything", () => {
  const tabs = Array.from({ length: 7 }, () => tab());
  sharing.take(event("slide", { id: "a" }));

  expect(opened).toEqual(["start"]);
  for (const one of tabs) expect(one.told).toEqual([event("slide", { id: "a" })]);
});

test("a tab that comes later is told that the stream is open, and the alarms as they are", () => {
  tab();
  sharing.take(event("open"));
  sharing.take(event("alarms", 1));
  sharing.take(event("alarms", 2));

  expect(tab().told).toEqual([event("open"), event("alarms", 2)]);
});

test("a tab that comes while the stream is lost is told nothing that is outdated", () => {
  tab();
  sharing.take(event("open"));
  sharing.take(event("alarms"));
  sharing.take(event("lost", null));

  expect(tab().told).toEqual([]);
});

test("the stream ends with the last tab and starts again with the next one", () => {
  const [first, second] = [tab(), tab()];
  sharing.say(first, null);
  expect(opened).toEqual(["start"]);
  sharing.say(second, null);
  sharing.take(event("slide"));
  expect([opened, first.told, second.told]).toEqual([["start", "stop"], [], []]);

  tab();
  expect(opened).toEqual(["start", "stop", "start"]);
});

test("another person does not go on with the stream of the one before", () => {
  tab("eva");
  sharing.take(event("open"));
  sharing.take(event("alarms"));

  expect(tab("otto").told).toEqual([]);
  expect(opened).toEqual(["start", "start"]);
});

test("a tab that says twice that it follows hears each event once", () => {
  const one = tab();
  sharing.say(one, { as: "eva" });
  sharing.take(event("slide"));

  expect(one.kinds).toEqual(["slide"]);
});
