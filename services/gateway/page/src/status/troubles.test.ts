import { expect, test } from "vitest";

import type { Alarm, GatewayStatus } from "../interface/types";
import { status as w } from "../words/en/status";
import { daysUntil, rows } from "./troubles";

const NOW = Date.parse("2026-06-01T12:00:00Z");
const ALARM: Alarm = {
  device: "lab", online: true, lamps: null, buzzer: null, state: null, latched_by: null, latched_since: null,
  latest_finding: null, findings: 0, silenced_until: null, technical: [], changed_at: null, version: "0.1.0",
};
const FINE: GatewayStatus = {
  version: "0.1.0", site: "site", broker_connected: true, inference_ready: true,
  inference_servers: [{ url: "http://inference:8000", ready: true, breaker: "closed", in_progress: 0, looked_s_ago: 1 }],
  store: "ok", slides: "ok", slides_version: "1.2.3", outbox: { waiting: 0, oldest_age_s: 0, degraded: false, expired: 0 },
  images: { stored: true, count: 3, bytes: 3000 }, disk: { free_bytes: 50e9, total_bytes: 100e9 },
  certificates: [{ name: "the broker", ends_at: "2027-06-01T12:00:00Z", usable: true, trouble: null }], degraded: [],
};

function states(changes: Partial<GatewayStatus>, alarms = [ALARM]): Record<string, string> {
  return Object.fromEntries(rows({ ...FINE, ...changes }, [], alarms, 0, NOW, w).map(({ name, state }) => [name, state]));
}

test("everything is fine where everything works", () => {
  expect(new Set(Object.values(states({})))).toEqual(new Set(["fine"]));
});

test("the version of the slides service is told as those of the others", () => {
  const text = (changes: Partial<GatewayStatus>) => rows({ ...FINE, ...changes }, [], [], 2, NOW, w).find(({ name }) => name === w.slides)?.text;

  expect(text({})).toBe("Works, 2 slides wait. Version 1.2.3.");
  expect(text({ slides_version: null })).toBe("Works, 2 slides wait.");
});

test("what does not work is broken, and nothing else is", () => {
  const found = states({ store: "failed: disk", slides: "off" });

  expect(found[w.database]).toBe("broken");
  expect(found[w.slides]).toBe("off");
  expect(found[w.broker]).toBe("fine");
});

test("without the broker nobody knows whether an alarm is on", () => {
  expect(states({ broker_connected: false })[w.alarm("lab")]).toBe("broken");
});

test("a disk that is nearly full and a certificate that ends soon are warned of", () => {
  const found = states({ disk: { free_bytes: 0.5e9, total_bytes: 100e9 }, certificates: [{ name: "x", ends_at: "2026-06-10T12:00:00Z", usable: true, trouble: null }] });

  expect(found[w.disk]).toBe("warning");
  expect(found[w.certificate("x")]).toBe("warning");
});

test("an expired certificate is broken, and one that nobody could look at is unknown", () => {
  const ended = { name: "ended", ends_at: null, usable: false, trouble: "it has expired" };
  const away = { name: "away", ends_at: null, usable: null, trouble: "the server does not answer" };
  const found = states({ certificates: [ended, away] });

  expect([found[w.certificate("ended")], found[w.certificate("away")]]).toEqual(["broken", "unknown"]);
});

test("days are whole ones", () => {
  expect(daysUntil("2026-06-03T11:00:00Z", NOW)).toBe(1);
  expect(daysUntil("2026-06-01T11:00:00Z", NOW)).toBe(-1);
});
