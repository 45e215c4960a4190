// An alarm's state in sentences. The words follow the state it reports, not the colours of its lamps.

import type { Alarm } from "../interface/types";
import type { Words } from "../words/en";

/** Whether a finding waits for an acknowledgement. A red lamp alone does not say so: a self-test lights it too. */
export function hasFinding({ state, findings, latched_by }: Alarm): boolean {
  return state === "finding" || (findings ?? 0) > 0 || Boolean(latched_by);
}

/** The newest finding that the alarm reports: an acknowledgement goes up to it, and to no later one. */
export function newestFinding({ latest_finding, latched_by }: Alarm): string | null {
  return latest_finding ?? latched_by ?? null;
}

/** What an alarm that is online shows; `timeOf` writes a moment as time of day. */
export function sentences(alarm: Alarm, w: Words["alarms"], timeOf: (moment: string) => string): string {
  const parts: string[] = [];
  if (hasFinding(alarm)) parts.push(w.found(alarm.findings ?? 1, alarm.state === "finding" && Boolean(alarm.buzzer)));
  if (alarm.state === "self_test") parts.push(w.selfTest);
  if (alarm.silenced_until) parts.push(w.silencedUntil(timeOf(alarm.silenced_until)));
  if (alarm.technical.length > 0) parts.push(w.unreliable(alarm.technical.map((reason) => w.technical[reason])));
  if (alarm.state === "review") parts.push(w.lastUncertain);
  if (alarm.state === "acknowledged") parts.push(w.acknowledged);
  if (alarm.state === "clear") parts.push(w.lastClear);
  if (alarm.state === "idle") parts.push(w.idle);
  return parts.join(" ") || w.unexplained;
}
