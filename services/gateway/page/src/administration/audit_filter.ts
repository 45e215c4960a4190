// What is looked for in the audit log, and how a record's details are shown.

import type { AuditItem } from "../interface/types";

/** What stands before the dot of the actions that are offered. */
export const ACTION_GROUPS = [
  "sign-in", "sign-out", "user", "key", "model", "review", "slide", "classification", "alarm", "result", "results", "image", "audit",
] as const;

export type Wanted = { actor: string; action: string; subject: string; from: string; to: string };

export const NOTHING_WANTED: Wanted = { actor: "", action: "", subject: "", from: "", to: "" };

/** The query of the gateway's list. Days are whole days of the reader's time zone; the last one is included. */
export function queryOf(wanted: Wanted): Record<string, string> {
  return {
    actor: wanted.actor.trim(),
    action: wanted.action,
    subject: wanted.subject.trim(),
    at_from: wanted.from && startOf(wanted.from, 0),
    at_before: wanted.to && startOf(wanted.to, 1),
  };
}

/** The details of a record in one line, without what is empty; digests by their first digits. */
export function detailsOf(item: AuditItem): string {
  return Object.entries(item.details)
    .map(([name, value]) => [name, shown(value)] as const)
    .filter(([, text]) => text !== "")
    .map(([name, text]) => `${name}: ${text}`)
    .join(", ");
}

function shown(value: unknown): string {
  if (value === null || value === "") return "";
  if (Array.isArray(value)) return value.map(shown).join(" ");
  if (typeof value === "number") return String(Number(value.toPrecision(4)));
  if (typeof value === "object") {
    return Object.entries(value).filter(([, inner]) => shown(inner) !== "").map(([name, inner]) => `${name} ${shown(inner)}`).join(", ");
  }
  return String(value).replace(/[0-9a-f]{64}/g, (digest) => `${digest.slice(0, 12)}…`);
}

function startOf(day: string, later: number): string {
  const [year = 1970, month = 1, date = 1] = day.split("-").map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}
