// What a finding's id names: a slide or a patch, asked for once.

import { Refused, call } from "../interface/call";
import type { Classification, Slide } from "../interface/types";

export type Finding = { name: string; at: string; address: string };

const known = $state<Record<string, Finding | null>>({});

/** The finding, once the gateway has said what it is; null until then, or where it was deleted. */
export function findingOf(id: string): Finding | null {
  return known[id] ?? null;
}

/** Ask what an id names, unless that is known. */
export async function ask(id: string): Promise<void> {
  if (id in known) return;
  known[id] = null;
  try {
    const slide = await found<Slide>(`/api/v1/slides/${id}`);
    if (slide) known[id] = { name: slide.name, at: slide.finished_at ?? slide.received_at, address: `#/slides/${id}` };
    else {
      const patch = await found<Classification>(`/api/v1/classifications/${id}`);
      if (patch) known[id] = { name: patch.name, at: patch.created_at, address: patch.folder ? `#/patches?folder=${patch.folder}` : "#/patches" };
    }
  } catch {
    delete known[id]; // the next report asks again
  }
}

async function found<Answer>(path: string): Promise<Answer | null> {
  try {
    return await call<Answer>(path);
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
}

/** Forget everything: someone else may sign in. */
export function clearFindings(): void {
  for (const id of Object.keys(known)) delete known[id];
}
