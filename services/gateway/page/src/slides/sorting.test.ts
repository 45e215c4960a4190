import { expect, test } from "vitest";

import type { Slide } from "../interface/types";
import { sorted } from "./sorting";

function slide(name: string, mm2: number | null): Slide {
  return { name, idc: mm2 === null ? null : { mm2 } } as Slide;
}

test("names are sorted as people count", () => {
  const names = sorted([slide("b10", null), slide("b9", null), slide("a", null)], "name", false).map(({ name }) => name);
  expect(names).toEqual(["a", "b9", "b10"]);
});

test("slides without an area come last where the largest come first", () => {
  const names = sorted([slide("none", null), slide("small", 0), slide("large", 12)], "idc", true).map(({ name }) => name);
  expect(names).toEqual(["large", "small", "none"]);
});
