import { expect, test } from "vitest";

import type { AuditItem } from "../interface/types";
import { NOTHING_WANTED, detailsOf, queryOf } from "./audit_filter";

test("nothing is asked for where nothing is wanted", () => {
  expect(Object.values(queryOf(NOTHING_WANTED)).every((value) => value === "")).toBe(true);
});

test("the last day is included", () => {
  const query = queryOf({ ...NOTHING_WANTED, from: "2026-02-28", to: "2026-02-28" });

  expect(Date.parse(query.at_before!) - Date.parse(query.at_from!)).toBe(24 * 3600 * 1000);
});

test("spaces around a name are not looked for", () => {
  expect(queryOf({ ...NOTHING_WANTED, actor: " eva " }).actor).toBe("eva");
});

test("details stand in one line, without what is empty", () => {
  const details = { version: "4", filter: { decision: "idc", patient: null }, reasons: [], probability: 0.36984627, sha256: "ab".repeat(32) };

  expect(detailsOf({ details } as unknown as AuditItem)).toBe("version: 4, filter: decision idc, probability: 0.3698, sha256: abababababab…");
});
