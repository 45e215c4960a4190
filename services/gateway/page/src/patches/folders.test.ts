import { expect, test } from "vitest";

import { listed } from "./folders";

test("of many files without a result the first are told, cut to what a request may have", () => {
  const told = listed(Array.from({ length: 1000 }, (_, place) => ({ name: `${place}.png`, reason: "r".repeat(5000) })));
  expect(told.length).toBeGreaterThan(10);
  expect(told.length).toBeLessThanOrEqual(50);
  expect(told[0]).toEqual({ name: "0.png", reason: "r".repeat(300) });
  expect(JSON.stringify(told).length).toBeLessThan(16_000);
});
