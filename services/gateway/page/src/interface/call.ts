// One request to the gateway's REST interface, and what can go wrong with it.

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
    super(problem.detail ?? `The gateway answered ${status}.`);
  }
}

/**
 * Send one request and return the JSON of its answer.
 *
 * Throws SignedOut, Unreachable or Refused.
 */
export async function call<Answer>(path: string, options: RequestInit = {}): Promise<Answer> {
  let answer: Response;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new Unreachable("The gateway does not answer. Is the stack running?");
  }
  if (answer.ok) return (answer.status === 204 ? null : await answer.json()) as Answer;
  const problem = (await answer.json().catch(() => ({}))) as ProblemDetails;
  throw answer.status === 401 ? new SignedOut(problem.detail ?? "Sign in again.", problem.type?.endsWith("session-ended") ?? false) : new Refused(answer.status, problem);
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
