import { expect, test } from "vitest";

import type { Alarm } from "../interface/types";
import { en } from "../words/en";
import { hasFinding, newestFinding, sentences } from "./sentences";

const QUIET: Alarm = {
  device: "alarm", online: true, lamps: { red: false, amber: false, blue: false }, buzzer: false, state: "idle", latched_by: null,
  latched_since: null, latest_finding: null, findings: 0, silenced_until: null, technical: [], changed_at: null, version: null,
};
const said = (alarm: Partial<Alarm>) => sentences({ ...QUIET, ...alarm }, en.alarms, () => "12:00");

test("a red lamp of a self-test is no finding", () => {
  const alarm = { ...QUIET, state: "self_test" as const, lamps: { red: true, amber: false, blue: false } };
  expect(hasFinding(alarm)).toBe(false);
  expect(said(alarm)).toBe("The alarm tests its lamps and buzzer.");
});

test("a finding is said beside the silence and the trouble", () => {
  expect(said({ state: "silenced", findings: 2, silenced_until: "2026-01-01T12:00:00Z", technical: ["broker_lost"] })).toBe(
    "IDC was found in 2 patches or slides and nobody has acknowledged it. The buzzer is silenced until 12:00. " +
      "The alarm cannot be relied on: the alarm has no connection to the broker.",
  );
});

test("an acknowledgement goes up to the newest finding that the alarm reported", () => {
  expect(newestFinding({ ...QUIET, latched_by: "old", latest_finding: "new" })).toBe("new");
  expect(newestFinding({ ...QUIET, latched_by: "old" })).toBe("old");
  expect(newestFinding(QUIET)).toBeNull();
});
