// Numbers and times in the chosen language.

import { language } from "./words.svelte";

/** A number with at most so many decimal places. */
export function number(value: number, places = 0): string {
  return value.toLocaleString(language.code, { maximumFractionDigits: places });
}

/** A number with exactly so many decimal places: a probability, an area. */
export function decimal(value: number, places: number): string {
  return value.toLocaleString(language.code, { minimumFractionDigits: places, maximumFractionDigits: places });
}

/** A difference, with its sign. */
export function signed(value: number, places: number): string {
  return value.toLocaleString(language.code, { minimumFractionDigits: places, maximumFractionDigits: places, signDisplay: "exceptZero" });
}

/** A share from 0 to 1 in percent. */
export function percent(share: number, places = 0): string {
  return share.toLocaleString(language.code, { style: "percent", maximumFractionDigits: places });
}

/** The time of day. */
export function time(moment: string): string {
  return new Date(moment).toLocaleTimeString(language.code);
}

/** Date and time, to the minute. */
export function moment(value: string): string {
  return new Date(value).toLocaleString(language.code, { dateStyle: "medium", timeStyle: "short" });
}

/** A duration such as `40 s` or `3 min`. */
export function duration(seconds: number): string {
  const [value, unit] = seconds < 90 ? [seconds, "second"] : seconds < 5400 ? [seconds / 60, "minute"] : [seconds / 3600, "hour"];
  return Math.round(value).toLocaleString(language.code, { style: "unit", unit, unitDisplay: "short" });
}

/** A time that is left, as clocks count down: `4:05`. */
export function clock(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** An area in mm2, with its 95 % interval where there is one: `12 mm² (9–16)`. */
export function area(value: { mm2: number; low_mm2?: number | null; high_mm2?: number | null } | null | undefined): string {
  if (!value) return "–";
  const places = value.mm2 < 10 ? 1 : 0;
  const { low_mm2: low, high_mm2: high } = value;
  const interval = low != null && high != null ? ` (${decimal(low, places)}–${decimal(high, places)})` : "";
  return `${decimal(value.mm2, places)} mm²${interval}`;
}

/** A size in bytes: `12 MB`. */
export function bytes(value: number): string {
  const [scaled, unit] = value < 1e6 ? [value / 1e3, "kilobyte"] : value < 1e9 ? [value / 1e6, "megabyte"] : [value / 1e9, "gigabyte"];
  return scaled.toLocaleString(language.code, { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: scaled < 10 ? 1 : 0 });
}
