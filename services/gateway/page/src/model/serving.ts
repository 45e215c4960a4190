// Which version serves, and which would after a roll-back.

import type { ModelVersion } from "../interface/types";

/** The version that serves at a server. */
export function serving(items: ModelVersion[]): ModelVersion | undefined {
  return items.find(({ state }) => state === "serving");
}

/** The version that would serve after a roll-back: the newest before the one that serves that may serve. */
export function before(items: ModelVersion[]): ModelVersion | undefined {
  const now = Number(serving(items)?.version ?? 0);
  return items
    .filter(({ version, state }) => state === "earlier" && Number(version) < now)
    .sort((a, b) => Number(b.version) - Number(a.version))[0];
}
