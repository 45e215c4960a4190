import { expect, test } from "vitest";

import { extended, range, toggled } from "./selection";

test("a range has both its ends, in whichever direction it was drawn", () => {
  expect(range(2, 4)).toEqual([2, 3, 4]);
  expect(range(4, 2)).toEqual([2, 3, 4]);
  expect(range(3, 3)).toEqual([3]);
});

test("a place is added in order, and taken out again", () => {
  expect(toggled([1, 5], 3)).toEqual([1, 3, 5]);
  expect(toggled([1, 3, 5], 3)).toEqual([1, 5]);
});

test("a selection does not leave the queue", () => {
  expect(extended(0, -1, 20)).toBe(0);
  expect(extended(19, 1, 20)).toBe(19);
  expect(extended(4, 1, 20)).toBe(5);
});
