import { expect, test } from "vitest";

import { match } from "./match";

test("a part that a pattern names is what stands there", () => {
  expect(match("/slides/:id/review", ["slides", "a b", "review"])).toEqual({ id: "a b" });
});

test("a path of another length or another word does not fit", () => {
  expect(match("/slides/:id", ["slides"])).toBeNull();
  expect(match("/slides/:id", ["slides", "1", "review"])).toBeNull();
  expect(match("/slides/:id", ["patches", "1"])).toBeNull();
});

test("the first view has the empty path", () => {
  expect(match("/", [])).toEqual({});
});

test("a part with a question mark may be left out", () => {
  expect(match("/administration/:part?", ["administration"])).toEqual({});
  expect(match("/administration/:part?", ["administration", "users"])).toEqual({ part: "users" });
  expect(match("/administration/:part?", ["administration", "users", "1"])).toBeNull();
});
