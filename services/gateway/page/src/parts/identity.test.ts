import { expect, test } from "vitest";

import { randomUuid } from "./identity";

test("a random UUID has version and variant, and is another one each time", () => {
  const made = Array.from({ length: 50 }, randomUuid);
  for (const uuid of made) expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(new Set(made).size).toBe(50);
});
