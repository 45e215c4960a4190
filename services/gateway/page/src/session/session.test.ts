import { expect, test, vi } from "vitest";

import { SignedOut } from "../interface/call";

vi.stubGlobal("location", { hash: "" });
const { attempt, session } = await import("./session.svelte");

test("a late answer to the session before does not end the one that followed", async () => {
  vi.stubGlobal("fetch", async () => Response.json({ name: "eva", scopes: [] }));
  await session.start();
  await attempt(async () => {
    await session.start();
    throw new SignedOut("", true);
  });
  expect(session.view).toBe("work");
});
