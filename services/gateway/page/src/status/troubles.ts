// What of the status is fine and what is not, as rows of one table.

import type { Alarm, GatewayStatus, Model } from "../interface/types";
import { bytes, duration, number } from "../words/format";
import type { Words } from "../words/en";
import { english } from "../words/english";

export type State = "fine" | "warning" | "broken" | "off" | "unknown";
export type Row = { name: string; state: State; text: string };

const DAY_MS = 24 * 3600 * 1000;
/** Certificates that the stack makes itself are renewed 30 days before their end. */
const WARN_DAYS = 14;
const LEAST_FREE_BYTES = 1e9;

/** Whole days until a moment; below zero after it. */
export function daysUntil(moment: string, now: number): number {
  return Math.floor((new Date(moment).getTime() - now) / DAY_MS);
}

/** A row for each service and what it needs. */
export function rows(status: GatewayStatus, models: Model[], alarms: Alarm[], waitingSlides: number | null, now: number, w: Words["status"]): Row[] {
  return [
    { name: w.gateway, state: "fine", text: w.version(status.version) },
    ...servers(status, w),
    ...models.map((model) => device(model, w)),
    { name: w.database, state: status.store === "ok" ? "fine" : "broken", text: status.store === "ok" ? w.works : english(status.store) },
    slides(status, waitingSlides, w),
    { name: w.broker, state: status.broker_connected ? "fine" : "broken", text: status.broker_connected ? w.connected : w.brokerAway },
    outbox(status, w),
    ...alarmRows(status, alarms, w),
    disk(status, w),
    images(status, w),
    ...status.certificates.map((end) => certificate(end, now, w)),
  ];
}

function servers(status: GatewayStatus, w: Words["status"]): Row[] {
  return status.inference_servers.map((server) => {
    const isFine = server.ready && server.breaker !== "open";
    const text = isFine ? w.ready(number(server.in_progress)) : server.ready ? w.fails : w.notReady;
    return { name: w.inference(server.url), state: isFine ? "fine" : "broken", text };
  });
}

function device(model: Model, w: Words["status"]): Row {
  const server = model.server_version ? ` ${w.serverVersion(model.server_version)}` : "";
  const text = w.modelOn(model.version ?? "?", model.device ?? "?") + server;
  const why = model.device_fallback_reason;
  return { name: w.device, state: why ? "warning" : "fine", text: why ? `${text} ${w.fallback(english(why))}` : text };
}

function slides(status: GatewayStatus, waiting: number | null, w: Words["status"]): Row {
  if (status.slides === "off") return { name: w.slides, state: "off", text: w.slidesOff };
  if (status.slides !== "ok") return { name: w.slides, state: "broken", text: english(status.slides) };
  const version = status.slides_version ? ` ${w.version(status.slides_version)}` : "";
  return { name: w.slides, state: "fine", text: (waiting === null ? w.works : w.waitingSlides(waiting)) + version };
}

function outbox(status: GatewayStatus, w: Words["status"]): Row {
  const { waiting, oldest_age_s, degraded, expired } = status.outbox;
  const text = waiting === 0 ? w.outboxEmpty : w.outboxWaiting(number(waiting), duration(oldest_age_s));
  const lost = expired > 0 ? ` ${w.outboxExpired(number(expired))}` : "";
  return { name: w.outbox, state: degraded || expired > 0 ? "broken" : "fine", text: text + lost };
}

function alarmRows(status: GatewayStatus, alarms: Alarm[], w: Words["status"]): Row[] {
  if (alarms.length === 0) return [{ name: w.alarms, state: "off", text: w.noAlarms }];
  return alarms.map((alarm) => {
    const state = !status.broker_connected || !alarm.online ? "broken" : "fine";
    return { name: w.alarm(alarm.device), state, text: !status.broker_connected ? w.alarmUnknown : alarm.online ? w.online(alarm.version ?? "?") : w.offline };
  });
}

function disk(status: GatewayStatus, w: Words["status"]): Row {
  if (!status.disk) return { name: w.disk, state: "warning", text: w.diskUnknown };
  const { free_bytes: free, total_bytes: total } = status.disk;
  const isShort = free < LEAST_FREE_BYTES;
  return { name: w.disk, state: isShort ? "warning" : "fine", text: `${w.free(bytes(free), bytes(total))}${isShort ? ` ${w.makeRoom}` : ""}` };
}

function images(status: GatewayStatus, w: Words["status"]): Row {
  if (!status.images.stored) return { name: w.images, state: "off", text: w.imagesOff };
  return { name: w.images, state: "fine", text: w.imagesStored(number(status.images.count), bytes(status.images.bytes)) };
}

function certificate(end: GatewayStatus["certificates"][number], now: number, w: Words["status"]): Row {
  const name = w.certificate(end.name);
  if (!end.ends_at) return { name, state: end.usable === false ? "broken" : "unknown", text: english(end.trouble ?? "") };
  const days = daysUntil(end.ends_at, now);
  const state = days < 0 ? "broken" : days < WARN_DAYS ? "warning" : "fine";
  return { name, state, text: days < 0 ? w.expired : w.endsIn(days) + (state === "warning" ? ` ${w.renew}` : "") };
}
