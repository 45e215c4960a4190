// One request to the gateway's REST interface, and what can go wrong with it.

import { refusal } from "../words/translated";
import { words } from "../words/words.svelte";
import { connection } from "./connection.svelte";

const PROXY_WITHOUT_GATEWAY = [502, 504];

/** Nobody is signed in, or the session has ended: expired, revoked or signed out elsewhere. */
export class SignedOut extends Error {
  constructor(
    message: string,
    /** Whether there was a session. */
    readonly hadSession: boolean,
  ) {
    super(message);
  }
}

/** The gateway did not answer. */
export class Unreachable extends Error {}

/** RFC 9457 problem details; a form without an accepted image also has an outcome for each image. */
export type ProblemDetails = { type?: string; detail?: string; items?: unknown };

/** The gateway refused a request, in its own words. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly problem: ProblemDetails,
  ) {
    super(refusal(problem) ?? words().answered(status));
  }
}

/** `waits: false` makes a GET fail at once where the gateway does not answer. */
export type CallOptions = RequestInit & { waits?: boolean };

/**
 * Send one request and return the JSON of its answer.
 *
 * A GET waits for a gateway that does not answer, and is then sent again: a view goes on by itself. What changes
 * something is not repeated unasked. Throws SignedOut, Unreachable or Refused.
 */
export async function call<Answer>(path: string, { waits = true, ...options }: CallOptions = {}): Promise<Answer> {
  const isRepeated = waits && (options.method ?? "GET") === "GET";
  for (;;) {
    const answer = await reach(path, options);
    if (answer === null) {
      const back = connection.lost();
      if (!isRepeated) throw new Unreachable(words().unreachable);
      await back;
      options.signal?.throwIfAborted();
      continue;
    }
    if (answer.ok) return (answer.status === 204 ? null : await answer.json()) as Answer;
    const problem = (await answer.json().catch(() => ({}))) as ProblemDetails;
    if (answer.status !== 401) throw new Refused(answer.status, problem);
    throw new SignedOut(refusal(problem) ?? words().session.ended, problem.type?.endsWith("session-ended") ?? false);
  }
}

/** The gateway's answer; null where there is none, or only that of a proxy before it. */
async function reach(path: string, options: RequestInit): Promise<Response | null> {
  try {
    const answer = await fetch(path, { credentials: "same-origin", ...options });
    const isOwn = answer.headers.get("Content-Type")?.includes("json");
    return PROXY_WITHOUT_GATEWAY.includes(answer.status) && !isOwn ? null : answer;
  } catch (error) {
    if (options.signal?.aborted) throw error;
    return null;
  }
}

/** Send one JSON body. */
export function send<Answer>(path: string, method: string, body: unknown): Promise<Answer> {
  return call<Answer>(path, {
    method,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** A path with a query; values that are null or empty are left out. */
export function withQuery(path: string, query: Record<string, string | number | null | undefined>): string {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  return text ? `${path}?${text}` : path;
}
