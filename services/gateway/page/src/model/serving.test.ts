import { expect, test } from "vitest";

import type { ModelVersion } from "../interface/types";
import { before, serving } from "./serving";

function version(name: string, state: ModelVersion["state"]): ModelVersion {
  return { version: name, state, reason: "", comparison: null };
}

const ITEMS = [version("1001", "candidate"), version("1000", "serving"), version("4", "withdrawn"), version("3", "earlier"), version("2", "earlier")];

test("the version that serves is found", () => {
  expect(serving(ITEMS)?.version).toBe("1000");
});

test("a roll-back leads to the newest earlier version that was not withdrawn", () => {
  expect(before(ITEMS)?.version).toBe("3");
});

test("without an earlier version there is nothing to go back to", () => {
  expect(before([version("3", "serving"), version("2", "refused")])).toBeUndefined();
});
