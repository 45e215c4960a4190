// The gateway's messages by their codes: in the page's language if the page has a translation, else in English.

import { english } from "./english";
import { words } from "./words.svelte";

type Problem = { type?: string; detail?: string };

/** A refusal; undefined where it says nothing. */
export function refusal({ type, detail }: Problem): string | undefined {
  if (detail === undefined) return undefined;
  return words().problems.refusals[type?.split(":").at(-1) ?? ""]?.(english(detail)) ?? english(detail);
}

/** Why a slide was not screened. */
export function failure({ code, detail }: { code: string; detail: string }): string {
  return words().problems.failures[code]?.(english(detail)) ?? english(detail);
}

/** What a reader of a slide must know. */
export function warning(sentence: string): string {
  const known = Object.entries(words().problems.warnings).find(([start]) => sentence.startsWith(start));
  return known?.[1](sentence) ?? english(sentence);
}
